"""Printing inks to screen colours."""

from __future__ import annotations

import io

from PIL import Image as Pillow
from PIL import ImageCms

from sfumato.errors import FileError

__all__ = ["screen_colours"]


def screen_colours(name: object, picture: Pillow.Image, profile: bytes | None) -> Pillow.Image:
    """Convert a CMYK picture to sRGB.

    With an ICC profile the conversion is relative colorimetric with black point
    compensation; without one it is the plain formula R = (1 - C)(1 - K), which
    has no measured colours behind it.

    Raises:
        FileError: the profile cannot be used.
    """
    if not profile:
        return picture.convert("RGB")
    try:
        converted = ImageCms.profileToProfile(
            picture,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise FileError(
            f"{name}: the CMYK colour profile in it cannot be used",
            hint="convert the picture to RGB in the program that made it",
        ) from error
    assert converted is not None, "only an in-place conversion gives nothing back"
    return converted
