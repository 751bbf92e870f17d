"""Operators that move pixels: one map, and everything on the picture follows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.errors import RangeError

__all__ = ["FlowField", "Homography", "WarpOperator", "warp_image"]

Homography: TypeAlias = NDArray[np.float64]
"""(3, 3): maps a point of the old picture to its place in the new one."""
Interpolation: TypeAlias = Literal["nearest", "linear", "cubic", "lanczos"]
EdgeMode: TypeAlias = Literal["constant", "replicate", "reflect"]

POINTS_PER_EDGE = 33
"""Samples of a box edge; a bent edge lies within a few thousandths of its polygon."""


@dataclass(frozen=True, eq=False)
class FlowField:
    """Where each pixel of the new picture comes from in the old one.

    Args:
        source: x then y for each pixel of the new picture.

    Shape:
        source float32 (h, w, 2).
    """

    source: NDArray[np.float32]

    def forward(self, points: NDArray[Any], steps: int = 30) -> NDArray[np.float64]:
        """Move points of the old picture into the new one.

        Solves ``source(q) = p`` by fixed-point iteration, which converges where
        the displacement changes by less than a pixel a pixel.
        """
        target = np.asarray(points, np.float64).reshape(-1, 2)
        guess = target.copy()
        for _ in range(steps):
            guess += target - self._at(guess)
        return guess

    def _at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Read the field between pixels; beyond the edge it goes on with the edge's offset."""
        height, width = self.source.shape[:2]
        inside = np.clip(points, 0.0, [width - 1, height - 1])
        x0, y0 = np.floor(inside).astype(int).T
        x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
        right, down = (inside - np.column_stack([x0, y0])).T[..., None]
        above = (1 - right) * self.source[y0, x0] + right * self.source[y0, x1]
        below = (1 - right) * self.source[y1, x0] + right * self.source[y1, x1]
        return np.asarray((1 - down) * above + down * below + (points - inside), np.float64)


class WarpOperator(Operator):
    """Say once where pixels go; image, target, hint, mask, depth, points and boxes follow.

    A subclass writes `flow`. Pixel centres are at whole numbers. Masks move by
    nearest neighbour; boxes become the exact bound of their moved outline.

    Args:
        interpolation: how values between pixels are found.
        border: what lies beyond the picture.
        fill: the value beyond the picture for ``constant``, as a share of white.
    """

    reads = ("image",)
    writes = ("image", "target", "hint", "mask", "depth", "keypoints", "boxes")

    interpolation: Interpolation = "linear"
    border: EdgeMode = "constant"
    fill: Annotated[float, Between(0.0, 1.0)] = 0.0

    @abstractmethod
    def flow(self, size: tuple[int, int], rng: Rng) -> Homography | FlowField:
        """Give the map for a picture of this height and width."""

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        flow = self.flow(sample.size, rng)
        moved: dict[str, Any] = {}
        for name in ("image", "target", "hint", "depth"):
            plane = getattr(sample, name)
            if plane is not None:
                moved[name] = warp_image(plane, flow, self.interpolation, self.border, self.fill)
        if sample.mask is not None:
            moved["mask"] = warp_image(sample.mask, flow, "nearest", self.border, 0.0)
        if sample.keypoints is not None:
            points = sample.keypoints.copy()
            points[:, :2] = _move(flow, points[:, :2])
            moved["keypoints"] = points
        if sample.boxes is not None:
            moved["boxes"] = _move_boxes(flow, sample.boxes)
        return sample.but(**moved)


_INTERPOLATION = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}
_BORDER = {
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT_101,
}


def warp_image(
    image: NDArray[Any],
    flow: Homography | FlowField,
    interpolation: Interpolation = "linear",
    border: EdgeMode = "constant",
    fill: float = 0.0,
) -> NDArray[Any]:
    """Resample a picture along a map, in its own dtype.

    Args:
        image: uint8, uint16 or float32; other integers move by nearest neighbour only.
        flow: a homography keeps the size, a field gives its own.
        interpolation: how values between pixels are found.
        border: what lies beyond the picture.
        fill: the value beyond it, as a share of white.
    """
    work = image
    if image.dtype not in (np.uint8, np.uint16, np.float32):
        work = image.astype(np.float64 if interpolation == "nearest" else np.float32)
    white = float(np.iinfo(image.dtype).max) if image.dtype in (np.uint8, np.uint16) else 1.0
    options = {"borderMode": _BORDER[border], "borderValue": (fill * white,) * 4}
    flag = _INTERPOLATION[interpolation]
    if isinstance(flow, FlowField):
        result = cv2.remap(work, flow.source, None, flag, **options)
    else:
        size = (image.shape[1], image.shape[0])
        result = cv2.warpPerspective(work, flow, size, flags=flag, **options)
    array = np.asarray(result)
    if array.ndim < image.ndim:
        array = array[..., None]
    return array.astype(image.dtype, copy=False)


def _move(flow: Homography | FlowField, points: NDArray[Any]) -> NDArray[np.float64]:
    if isinstance(flow, FlowField):
        return flow.forward(points)
    homogeneous = np.column_stack([np.asarray(points, np.float64), np.ones(len(points))]) @ flow.T
    if np.any(homogeneous[:, 2] <= 0):
        raise RangeError(
            "the homography sends a point of the picture to infinity",
            hint="use a weaker perspective",
        )
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def _move_boxes(flow: Homography | FlowField, boxes: NDArray[Any]) -> NDArray[Any]:
    # A straight edge stays straight under a homography, so its corners bound it.
    count = 2 if not isinstance(flow, FlowField) else POINTS_PER_EDGE
    t = np.linspace(0.0, 1.0, count)
    rim = np.concatenate(
        [np.column_stack(pair) for pair in ((t, 0 * t), (t, 0 * t + 1), (0 * t, t), (0 * t + 1, t))]
    )
    moved = boxes.copy()
    for k, (x0, y0, x1, y1) in enumerate(boxes[:, :4]):
        outline = _move(flow, rim * [x1 - x0, y1 - y0] + [x0, y0])
        moved[k, :2], moved[k, 2:4] = outline.min(axis=0), outline.max(axis=0)
    return moved
