"""The eight ways in which a camera can be held."""

from __future__ import annotations

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image

__all__ = ["upright"]


def upright(image: Image, orientation: int) -> Image:
    """Turn and mirror a picture as its EXIF orientation says.

    Args:
        image: the rows as stored.
        orientation: 1 (nothing to do) to 8; other values count as 1.

    Shape:
        (h, w, c) gives (h, w, c), or (w, h, c) for 5 to 8.

    Example:
        >>> row = np.array([[[1], [2], [3]]], np.uint8)
        >>> upright(row, 6).ravel().tolist(), upright(row, 6).shape
        ([1, 2, 3], (3, 1, 1))
    """
    turn = {
        2: lambda x: cv2.flip(x, 1),
        3: lambda x: cv2.rotate(x, cv2.ROTATE_180),
        4: lambda x: cv2.flip(x, 0),
        5: cv2.transpose,
        6: lambda x: cv2.rotate(x, cv2.ROTATE_90_CLOCKWISE),
        7: lambda x: cv2.rotate(cv2.transpose(x), cv2.ROTATE_180),
        8: lambda x: cv2.rotate(x, cv2.ROTATE_90_COUNTERCLOCKWISE),
    }.get(orientation)
    if turn is None:
        return image
    turned: Image = turn(image)
    return turned if turned.ndim == 3 else turned[..., None]
