"""Can a photo of a paper be read? Measured on a grey copy of at most 1280 px; where it is in doubt the photo passes.

A false refusal costs a client one of three tries. So each measure asks whether there is something good anywhere, not
how good the photo is on the whole: most of it may be table.

- **dark**: the mean brightness is below 40 of 255, and nine tenths of the picture stay below 80.
- **glare**: more than 12 % of the picture are blown-out cells: 16 px square, 95 % of their pixels at 250 or more. White
  that may be the paper or the table does not count: white along more than a third of the picture's rim with all that
  hangs together with it; white on which ink stands; or when most of what is not blown out is nearly white as well.
- **blurred**: the mean squared Laplacian of the sharpest hundredth of all cells rises less than 20 above the noise,
  which is half as much again as that of the median cell. Three lines of print are as sharp as a full page. A picture
  that is noisy everywhere cannot be judged, and passes.
"""

from itertools import accumulate

from PIL import Image, ImageFilter

from flows.image_limits import ImageLimits, Word

_LOOKED_AT = 1280
_CELL = 16

_ALL_DARK = 80

_WHITE, _NEARLY_WHITE, _LIT, _INK = 250, 235, 120, 150
_BLOWN_OUT = 0.95 * 255
_SOME_WHITE, _SOME_INK = 0.3 * 255, 0.04 * 255
_INK_ON_WHITE = 0.07
_WHITES = [255 * (value >= _WHITE) for value in range(256)]
_INKS = [255 * (value < _INK) for value in range(256)]

_LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=2, offset=128)
_SQUARES = [min(255, (value - 128) ** 2) for value in range(256)]  # in units of 4, for the kernel halves
_NOISY = 160


def fault(image: Image.Image, limits: ImageLimits) -> Word | None:
    """The first thing that keeps `image` (RGB) from being read."""
    grey = image.convert("L")
    grey.thumbnail((_LOOKED_AT, _LOOKED_AT), Image.Resampling.BILINEAR)
    if is_dark(grey, limits.brightness):
        return "dark"
    if glaring(grey) > limits.glare:
        return "glare"
    sharpest, median = sharpness(grey)
    if median < _NOISY and sharpest - 1.5 * median < limits.sharpness:
        return "blurred"
    return None


def is_dark(grey: Image.Image, brightness: int) -> bool:
    counts = grey.histogram()
    mean = sum(value * count for value, count in enumerate(counts)) / sum(counts)
    return mean < brightness and _quantile(counts, 0.9) < _ALL_DARK


def sharpness(grey: Image.Image) -> tuple[int, int]:
    """Mean squared Laplacian of the cell at 99 % and of the median cell; a pixel counts 1020 at most."""
    squares = grey.filter(_LAPLACIAN).crop((1, 1, grey.width - 1, grey.height - 1)).point(_SQUARES)
    counts = squares.reduce(_CELL).histogram()
    return 4 * _quantile(counts, 0.99), 4 * _quantile(counts, 0.5)


def glaring(grey: Image.Image) -> float:
    """The share of the picture that is blown out and is not the white of a paper or a table."""
    counts = grey.histogram()
    if 2 * sum(counts[_NEARLY_WHITE:_WHITE]) > sum(counts[_LIT:_WHITE]) > 0:
        return 0.0
    whites = grey.point(_WHITES).reduce(_CELL)
    white, ink = whites.tobytes(), grey.point(_INKS).reduce(_CELL).tobytes()
    blown = _without_surroundings({cell for cell, share in enumerate(white) if share >= _BLOWN_OUT}, *whites.size)
    written = sum(a >= _SOME_WHITE and b >= _SOME_INK for a, b in zip(white, ink, strict=True))
    return 0.0 if written > _INK_ON_WHITE * len(blown) else len(blown) / len(white)


def _without_surroundings(blown: set[int], width: int, height: int) -> set[int]:
    """A white table frames the picture; a flash does not."""
    cells = range(width * height)
    rim = {cell for cell in cells if cell % width in (0, width - 1) or cell // width in (0, height - 1)}
    edge = list(rim & blown)
    if 3 * len(edge) <= len(rim):
        return blown
    inner = blown - rim
    while edge:
        cell = edge.pop()
        reached = inner & {cell - 1, cell + 1, cell - width, cell + width}  # a cell of `inner` is at no row's end
        inner -= reached
        edge += reached
    return inner


def _quantile(counts: list[int], share: float) -> int:
    """The smallest value that so great a share of all does not exceed."""
    wanted = share * sum(counts)
    return next(value for value, below in enumerate(accumulate(counts)) if below >= wanted)
