"""Blur of a thin lens, laid over a picture in layers of depth.

The scene is cut into layers of nearly equal vergence (1 / distance). From far
to near each layer is blurred by the disc of its mean circle of confusion and
laid over what is behind it. Behind the edge of a nearer layer the farther one
is continued with colours of its neighbourhood, since a single picture does not
know what is hidden there: light that would come from behind an object is a
guess within one blur radius of its edge, everything else is a sum over discs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError

__all__ = ["blur_by_depth", "circle_of_confusion"]

SHARP_PX = 0.7
"""Blur below this diameter stays inside a pixel and is left out."""


def circle_of_confusion(
    depth: NDArray[np.float32], focus_m: float, focal_m: float, f_number: float
) -> NDArray[np.float32]:
    """Give the diameter of the blur on the sensor in metres.

    ``c = (f / N) * f / (s - f) * |z - s| / z`` for the distance z of a thing,
    s in focus, focal length f and f-number N.

    Args:
        depth: distance of each pixel in metres.
        focus_m: distance in focus.
        focal_m: focal length.
        f_number: focal length over the diameter of the aperture.

    Raises:
        RangeError: the distance in focus is not beyond the focal length.

    Example:
        >>> far = circle_of_confusion(np.float32([1.0, 2.0, 1e9]), 1.0, 0.05, 2.0)
        >>> [f"{c * 1000:.3f} mm" for c in far]
        ['0.000 mm', '0.658 mm', '1.316 mm']
    """
    if focus_m <= focal_m:
        raise RangeError(
            f"circle_of_confusion: focus at {focus_m} m is within the focal length {focal_m} m"
        )
    scale = focal_m / f_number * focal_m / (focus_m - focal_m)
    return np.asarray(scale * np.abs(1.0 - focus_m / depth), np.float32)


def blur_by_depth(
    radiance: NDArray[np.float32],
    depth: NDArray[np.float32],
    blur_px: NDArray[np.float32],
    layers: int = 24,
) -> NDArray[np.float32]:
    """Blur each pixel of a picture by its own disc, near things over far ones.

    Args:
        radiance: linear light.
        depth: distance of each pixel in metres.
        blur_px: diameter of the disc of each pixel in each of several frames.
        layers: into how many depths the scene is cut.

    Shape:
        radiance (h, w, c), depth (h, w), blur_px (n, h, w); returns (n, h, w, c).
    """
    near = 1.0 / depth
    layer = np.digitize(near, np.linspace(near.min(), near.max(), layers + 1)[1:-1])
    result = np.zeros((len(blur_px), *radiance.shape), np.float32)
    margin = int(np.ceil(blur_px.max())) + 2
    for number in np.unique(layer):
        # Farther from the layer than any blur, it is hidden by nearer ones or not there at all.
        box = _box(layer == number, margin)
        here, hidden = layer[box] == number, layer[box] > number
        color = _continued(radiance[box], here, hidden)
        # A layer goes on behind nearer ones; only towards farther ones it has an edge.
        cover = (here | hidden).astype(np.float32)[..., None]
        both = np.concatenate([color * cover, cover], axis=-1)
        for frame, blur in zip(result, blur_px, strict=True):
            spread = _filtered(both, _disc(float(blur[box][here].mean())))
            frame[box] = frame[box] * (1.0 - spread[..., -1:]) + spread[..., :-1]
    return result


def _box(where: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """Bound the true pixels, with a margin within the picture."""
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    return (
        slice(max(0, rows[0] - margin), rows[-1] + margin + 1),
        slice(max(0, columns[0] - margin), columns[-1] + margin + 1),
    )


def _filtered(image: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    if kernel.size == 1:
        return image
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE))


def _disc(diameter: float) -> NDArray[np.float32]:
    """Draw a disc of the given diameter with soft edges and sum 1."""
    if diameter < SHARP_PX:
        return np.ones((1, 1), np.float32)
    radius = int(np.ceil(diameter / 2))
    fine = (np.arange((2 * radius + 1) * 8) + 0.5) / 8 - radius - 0.5
    inside = (fine[:, None] ** 2 + fine**2 <= (diameter / 2) ** 2).astype(np.float32)
    disc = inside.reshape(2 * radius + 1, 8, -1, 8).sum(axis=(1, 3))
    return np.asarray(disc / disc.sum(), np.float32)


def _continued(
    radiance: NDArray[np.float32], known: NDArray[np.bool_], hidden: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Fill what is hidden with averages of the known pixels around, wider where there are none."""
    color = np.where(known[..., None], radiance, np.float32(0.0))
    if not hidden.any():
        return color
    weight = known.astype(np.float32)
    height, width = known.shape
    total, share = color, weight
    shape = (height, width, radiance.shape[2])
    filled, missing = color.copy(), hidden.copy()
    while missing.any() and min(total.shape[:2]) > 1:
        half = (max(1, total.shape[1] // 2), max(1, total.shape[0] // 2))
        total = cv2.resize(total, half, interpolation=cv2.INTER_AREA)
        share = cv2.resize(share, half, interpolation=cv2.INTER_AREA)
        wide = cv2.resize(total, (width, height), interpolation=cv2.INTER_LINEAR).reshape(shape)
        wide_share = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)
        found = missing & (wide_share > 0.02)
        filled[found] = wide[found] / wide_share[found][:, None]
        missing &= ~found
    return filled
