"""Key points that are found again under another scale, angle and light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Mask, check_image, full_range
from sfumato.errors import RangeError, ShapeError

__all__ = ["KeyPoints", "detect_sift"]

LUMA = (0.299, 0.587, 0.114)
DESCRIPTOR_LENGTH = 128


@dataclass(frozen=True, slots=True, eq=False)
class KeyPoints:
    """Places in a picture and what they look like.

    Args:
        points: float32, x then y, pixel centres at integers.
        size: float32, diameter of the described neighbourhood in pixels.
        angle: float32, degrees, clockwise as the y axis points down.
        response: float32, how strongly the place stands out.
        descriptors: float32, one row of 128 numbers for each point.

    Shape:
        points (k, 2); size, angle, response (k,); descriptors (k, 128).

    Raises:
        ShapeError: the arrays do not belong together.
    """

    points: NDArray[np.float32]
    size: NDArray[np.float32]
    angle: NDArray[np.float32]
    response: NDArray[np.float32]
    descriptors: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.points)
        plain = all(np.shape(v) == (count,) for v in (self.size, self.angle, self.response))
        if np.shape(self.points) != (count, 2) or not plain or len(self.descriptors) != count:
            raise ShapeError(
                f"KeyPoints: {count} points {np.shape(self.points)} do not belong to "
                f"{len(self.descriptors)} descriptors or the other columns"
            )

    def __len__(self) -> int:
        return len(self.points)

    def scaled(self, scale: tuple[float, float]) -> KeyPoints:
        """Carry the points over to the picture enlarged by (x, y) factors.

        The areas of the pixels coincide, as a resize has it: centre 0 goes to
        ``(scale - 1) / 2``.
        """
        factor = np.asarray(scale, np.float64)
        points = (self.points + 0.5) * factor - 0.5
        return KeyPoints(
            points.astype(np.float32),
            (self.size * np.sqrt(factor.prod())).astype(np.float32),
            self.angle,
            self.response,
            self.descriptors,
        )


def detect_sift(
    image: NDArray[Any],
    *,
    mask: Mask | None = None,
    max_points: int = 0,
    contrast_threshold: float = 0.04,
    root: bool = False,
) -> KeyPoints:
    """Find key points and describe them with SIFT.

    OpenCV does the work, with the exact upscaling switched on: without it every
    point is a quarter pixel off to the right and below. OpenCV sees 8 bits; 16-bit
    and float pictures are scaled to them with white at 255.

    Args:
        image: the picture; colour is looked at as luma.
        mask: where key points are wanted: not zero.
        max_points: keep the strongest so many, 0 keeps all.
        contrast_threshold: the larger, the fewer faint points are kept; Lowe's 0.03
            is 0.09 here.
        root: Root-SIFT: Hellinger instead of Euclidean distance between descriptors,
            which often matches better.

    Shape:
        image (h, w), (h, w, 1) or (h, w, 3); mask (h, w).

    Raises:
        ShapeError: another number of channels, or a mask of another size.
        DtypeError: not uint8, uint16 or float32.
        RangeError: the picture holds NaN or infinity.

    Example:
        >>> y, x = np.mgrid[0:64, 0:64]
        >>> dot = np.exp(-((x - 30) ** 2 + (y - 21) ** 2) / 50).astype(np.float32)
        >>> detect_sift(dot[..., None]).points[0].round().tolist()
        [30.0, 21.0]

    References:
        D. Lowe. Distinctive Image Features from Scale-Invariant Keypoints.
        IJCV, 2004. doi:10.1023/B:VISI.0000029664.99615.94
        R. Arandjelović, A. Zisserman. Three Things Everyone Should Know to Improve
        Object Retrieval. CVPR, 2012. doi:10.1109/CVPR.2012.6248018
    """
    grey = _eight_bits(image)
    if mask is not None and np.shape(mask) != grey.shape:
        raise ShapeError(f"detect_sift: the mask is {np.shape(mask)}, the picture {grey.shape}")
    allowed = None if mask is None else (np.asarray(mask) != 0).astype(np.uint8)
    detector = cv2.SIFT_create(
        nfeatures=max_points, contrastThreshold=contrast_threshold, enable_precise_upscale=True
    )
    found, descriptors = detector.detectAndCompute(grey, allowed)
    if descriptors is None or not len(found):
        descriptors = np.zeros((0, DESCRIPTOR_LENGTH), np.float32)
    table = np.array([(*p.pt, p.size, p.angle, p.response) for p in found], np.float32).reshape(
        -1, 5
    )
    return KeyPoints(
        np.ascontiguousarray(table[:, :2]),
        table[:, 2].copy(),
        table[:, 3].copy(),
        table[:, 4].copy(),
        _hellinger(descriptors) if root else np.asarray(descriptors, np.float32),
    )


def _eight_bits(image: NDArray[Any]) -> NDArray[np.uint8]:
    picture = check_image(image[..., None] if np.ndim(image) == 2 else image, "detect_sift")
    channels = picture.shape[2]
    if channels not in (1, 3):
        raise ShapeError(
            f"detect_sift: expected 1 or 3 channels, got {channels}",
            hint="leave alpha out: image[..., :3]",
        )
    if picture.dtype == np.float32 and not np.isfinite(picture).all():
        raise RangeError("detect_sift: the picture holds NaN or infinity")
    if picture.dtype == np.uint8 and channels == 1:
        return np.ascontiguousarray(picture[..., 0])
    grey = picture[..., 0] if channels == 1 else _luma(picture)
    scaled = grey.astype(np.float32) * np.float32(255.0 / full_range(picture.dtype))
    return np.asarray(np.rint(np.clip(scaled, 0.0, 255.0)), np.uint8)


def _luma(picture: NDArray[Any]) -> NDArray[Any]:
    if picture.dtype == np.uint8:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY))
    return picture.astype(np.float32) @ np.array(LUMA, np.float32)


def _hellinger(descriptors: NDArray[Any]) -> NDArray[np.float32]:
    total = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-12)
    # The scale keeps distances in the range of plain SIFT descriptors.
    return np.asarray(512.0 * np.sqrt(descriptors / total), np.float32)
