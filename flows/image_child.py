"""The child of the image gate: decodes files that nobody trusts, one after the other, and can do nothing else.

Run by `images.py` alone, as `python -m flows.image_child LIMITS PARENT`: the limits as JSON, the parent's process id.
Before the first file it gives up the memory, the files and the sockets that it does not need. What goes back is a JPEG
of our own, made from pixels only. It says nothing on stderr, for what a decoder complains of may be somebody's paper.
"""

from PIL import Image, JpegImagePlugin, PngImagePlugin

FORMATS = [plugin.format for plugin in (JpegImagePlugin.JpegImageFile, PngImagePlugin.PngImageFile)]
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
