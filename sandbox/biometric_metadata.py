"""What the simulated biometric.kz takes when a session is created (protocols.md 3.2)."""

import base64
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sandbox.biometric_flows import FACE2FACE, Flow
from sandbox.biometric_refusals import RefusedError

LARGEST_PHOTO = 10 * 2**20


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Iin(Strict):
    value: Annotated[str, Field(pattern="^[0-9]{12}$")] | None = None
    changeable: bool = True


class Phone(Strict):
    value: Annotated[str, Field(pattern="^77[0-9]{9}$")] | None = None
    changeable: bool = True


class EDocument(Strict):
    """The input is skipped only when both values are given and neither may be changed."""

    iin: Iin = Iin()
    phone: Phone = Phone()
    skip_input: bool = False

    @model_validator(mode="after")
    def _skips_only_what_is_fixed(self) -> "EDocument":
        fixed = all(one.value is not None and not one.changeable for one in (self.iin, self.phone))
        if self.skip_input and not fixed:
            raise ValueError("skip_input needs iin and phone, each with a value and changeable false")
        return self


class Face2Face(Strict):
    photo1: str | None = Field(default=None, repr=False)


class General(Strict):
    interchangeable_tech: list[Annotated[str, Field(min_length=1)]] = []


class Metadata(Strict):
    face2face: Face2Face | None = None
    edocument: EDocument = EDocument()
    general: General = General()


def metadata_of(given: object, flow: Flow) -> Metadata:
    """Raises `RefusedError`."""
    try:
        found = Metadata.model_validate({} if given is None else given)
    except ValidationError as error:
        first: Any = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, ("metadata", *first["loc"])))
        raise RefusedError(400, f"{place}: {first['msg']}") from None
    if found.face2face is not None and FACE2FACE not in flow.technologies:
        raise RefusedError(400, "metadata.face2face: the flow has no Face2Face")
    return found


def photo_of(metadata: Metadata) -> bytes | None:
    """`photo1` as bytes. Raises `RefusedError`."""
    if metadata.face2face is None or metadata.face2face.photo1 is None:
        return None
    try:
        photo = base64.b64decode(metadata.face2face.photo1, validate=True)
    except ValueError:
        photo = b""
    if not photo:
        raise RefusedError(400, "metadata.face2face.photo1: base64 of an image is expected")
    if len(photo) > LARGEST_PHOTO:
        raise RefusedError(413, "metadata.face2face.photo1: too large", key="detail")
    return photo
