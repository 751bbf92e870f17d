"""What all dropouts share: holes in pictures, and what they do to masks, boxes and key points."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import Transform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, full_range, to_unit
from sfumato.errors import ShapeError

__all__ = ["Fill", "Holes", "drop_boxes", "drop_points", "keeps_hidden_points"]

Number = Annotated[float, Between(0.0, 65535.0)]
Fill: TypeAlias = (
    Number | tuple[Number, ...] | Literal["random", "random_uniform", "inpaint_telea", "inpaint_ns"]
)
Holes: TypeAlias = list[list[int]]
"""Columns and rows of each hole: x0 y0 x1 y1, the last ones excluded."""
INPAINTING_RADIUS = 3


class HoleDropout(Transform):
    """Base of the dropouts that cut rectangles out of a picture.

    A subclass draws a dict with ``holes``, rows x0 y0 x1 y1 of pixels, ``size`` and ``seed``.
    What of a box lies under holes does not count: the box shrinks to what is still seen, and
    goes where nothing is. Key points under holes go, unless `Compose` keeps invisible ones.

    Args:
        fill: what holes are filled with: a value in units of the picture, one a channel,
            ``random`` values, one random color a hole (``random_uniform``), or what the
            surroundings suggest (``inpaint_telea``, ``inpaint_ns``; gray or color only).
        fill_mask: the value of masks under holes; none leaves masks alone.
    """

    wants_unit_range = True

    def change_image(self, image: Image, params: Params) -> Image:
        return fill_holes(image, params["holes"], self.filling, params["seed"])

    @property
    def filling(self) -> Any:
        """What holes are filled with."""
        return getattr(self, "fill", 0.0)

    def change_mask(self, mask: NDArray[Any], params: Params) -> NDArray[Any]:
        value = getattr(self, "fill_mask", None)
        if value is None:
            return mask
        out = mask.copy()
        for x0, y0, x1, y1 in params["holes"]:
            out[y0:y1, x0:x1] = np.asarray(value, mask.dtype)
        return out

    def work(self, targets: Targets, params: Params) -> None:
        targets.settle()
        for name, value in targets.images.items():
            if type(value) is list:
                targets.images[name] = [self.change_image(item, params) for item in value]
            else:
                targets.images[name] = self.change_image(value, params)
        if targets.masks:
            targets.change_masks(lambda mask: self.change_mask(mask, params))
        if targets.boxes or targets.keypoints:
            hidden = np.zeros(targets.size, bool)
            for x0, y0, x1, y1 in params["holes"]:
                hidden[y0:y1, x0:x1] = True
            drop_tables(targets, hidden)


def drop_tables(targets: Targets, hidden: NDArray[np.bool_]) -> None:
    """Let boxes and key points answer to what of the picture is hidden."""
    rules = getattr(getattr(targets.tidy, "__self__", None), "boxes", None)
    share = 0.0 if rules is None else rules.min_visibility
    for name, boxes in targets.boxes.items():
        targets.boxes[name] = drop_boxes(boxes, hidden, share)
    if not keeps_hidden_points(targets):
        for name, points in targets.keypoints.items():
            targets.keypoints[name] = drop_points(points, hidden)
    if targets.tidy is not None:
        targets.tidy(targets)


def keeps_hidden_points(targets: Targets) -> bool:
    """Whether the composition that reads the key points keeps those that are not seen."""
    rules = getattr(getattr(targets.tidy, "__self__", None), "points", None)
    return rules is not None and not rules.remove_invisible


def drop_boxes(
    boxes: NDArray[np.float64], hidden: NDArray[np.bool_], share: float = 0.0
) -> NDArray[np.float64]:
    """Shrink each box to the bounds of its pixels that are seen.

    Boxes of which nothing is left go, and those of which less is left than a share.
    """
    out = boxes.copy()
    kept = np.ones(len(boxes), bool)
    height, width = hidden.shape
    for k, (x0, y0, x1, y1) in enumerate(boxes[:, :4]):
        left, top = max(int(np.floor(x0 + 0.5)), 0), max(int(np.floor(y0 + 0.5)), 0)
        right, bottom = min(int(np.ceil(x1 + 0.5)), width), min(int(np.ceil(y1 + 0.5)), height)
        if right <= left or bottom <= top:
            continue  # outside the picture: not for us to judge
        seen = ~hidden[top:bottom, left:right]
        if seen.all():
            continue
        columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
        if len(columns) == 0:
            kept[k] = False
            continue
        if columns[0] > 0:
            out[k, 0] = left + columns[0] - 0.5
        if rows[0] > 0:
            out[k, 1] = top + rows[0] - 0.5
        if columns[-1] < seen.shape[1] - 1:
            out[k, 2] = left + columns[-1] + 0.5
        if rows[-1] < seen.shape[0] - 1:
            out[k, 3] = top + rows[-1] + 0.5
    if share > 0.0:
        before, after = (np.prod(table[:, 2:4] - table[:, :2], axis=1) for table in (boxes, out))
        kept &= after >= share * before * (1.0 - 1e-9)
    return out if kept.all() else out[kept]


def drop_points(points: NDArray[np.float64], hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Drop the points whose pixel is hidden."""
    height, width = hidden.shape
    x, y = np.rint(points[:, 0]), np.rint(points[:, 1])
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    under = np.zeros(len(points), bool)
    under[inside] = hidden[y[inside].astype(np.intp), x[inside].astype(np.intp)]
    return points[~under] if under.any() else points


def fill_holes(image: Image, holes: Holes, fill: Any, seed: int) -> Image:
    """Fill rectangles of a picture, in a copy."""
    if type(fill) is float:
        out = image.copy()
        level = fill if image.dtype == np.float32 else int(fill)
        for x0, y0, x1, y1 in holes:
            out[y0:y1, x0:x1] = level
        return out
    if isinstance(fill, str) and fill.startswith("inpaint"):
        hidden = np.zeros(image.shape[:2], np.uint8)
        for x0, y0, x1, y1 in holes:
            hidden[y0:y1, x0:x1] = 1
        return inpaint(image, hidden, fill)
    out = image.copy(order="C")
    if not isinstance(fill, str):
        value = fill_value(fill, image)
        for x0, y0, x1, y1 in holes:
            out[y0:y1, x0:x1] = value
        return out
    rng = np.random.default_rng(seed)
    for x0, y0, x1, y1 in holes:
        shape = (y1 - y0, x1 - x0, image.shape[2]) if fill == "random" else (image.shape[2],)
        out[y0:y1, x0:x1] = random_values(rng, shape, image)
    return out


def fill_value(fill: Any, image: Image) -> NDArray[Any]:
    """Give one value, or one a channel, in the dtype of a picture.

    Raises:
        ShapeError: values for another number of channels.
    """
    if isinstance(fill, tuple) and len(fill) not in (1, image.shape[2]):
        raise ShapeError(f"fill: {len(fill)} values for {image.shape[2]} channels")
    return np.asarray(fill, image.dtype)


def random_values(rng: np.random.Generator, shape: tuple[int, ...], image: Image) -> NDArray[Any]:
    """Draw values from black to white of a picture's dtype."""
    if image.dtype == np.float32:
        return rng.random(shape, np.float32)
    return rng.integers(0, int(full_range(image.dtype)) + 1, shape, image.dtype)


def inpaint(image: Image, hidden: NDArray[np.uint8], method: str) -> Image:
    """Fill what is hidden by what surrounds it; OpenCV does that for gray and color, in 8 bits.

    Raises:
        ShapeError: neither one nor three channels.
    """
    if image.shape[2] not in (1, 3):
        raise ShapeError(f"fill: '{method}' needs 1 or 3 channels, not {image.shape[2]}")
    flag = cv2.INPAINT_TELEA if method == "inpaint_telea" else cv2.INPAINT_NS
    levels = image
    if image.dtype != np.uint8:
        levels = np.rint(np.clip(to_unit(image), 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    found = cv2.inpaint(levels, hidden, INPAINTING_RADIUS, flag).reshape(image.shape)
    if image.dtype == np.uint8:
        return found  # type: ignore[no-any-return]
    # Only what was hidden is replaced, so that the rest keeps its precision.
    scaled = found * (np.float32(full_range(image.dtype)) / np.float32(255.0))
    return np.where(hidden[..., None] != 0, scaled, image).astype(image.dtype)
