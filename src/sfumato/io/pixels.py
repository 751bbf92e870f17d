"""From what OpenCV decodes to the picture that was promised."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image
from sfumato.errors import FileError
from sfumato.io.header import Header
from sfumato.io.source import damaged

__all__ = ["decode_by_opencv", "settle", "swapped"]


def decode_by_opencv(
    name: object, data: Any, header: Header, flags: int, out: Image | None
) -> Image:
    """Decode bytes and give RGB order.

    Raises:
        FileError: the bytes cannot be decoded, or give another picture than the header promised.
    """
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise damaged(name, f"the {header.format.upper()} cannot be decoded") from error
    if found is None:
        raise damaged(name, f"the {header.format.upper()} is cut off or corrupt")
    if found.ndim == 2:
        found = found[..., None]
    wanted = (header.height, header.width, header.channels)
    if found.shape != wanted or found.dtype != header.dtype:
        raise FileError(
            f"{name}: the header promises {wanted} {header.dtype}, "
            f"the data give {found.shape} {found.dtype}"
        )
    if header.channels == 1:
        return settle(found, out)
    return swapped(found, found if out is None else out)


def swapped(image: Image, out: Image | None = None) -> Image:
    """Exchange red and blue, of 3 or 4 channels; ``out`` may be the image itself."""
    code = cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    changed: NDArray[Any] = cv2.cvtColor(image, code, dst=out)
    if out is not None and changed is not out:
        out[...] = changed
        return out
    return changed


def settle(image: Image, out: Image | None) -> Image:
    """Put a decoded picture into the place kept for it, where there is one."""
    if out is None:
        return image
    out[...] = image
    return out
