"""Points on edges, finer than a pixel, chained into contours."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError, ShapeError
from sfumato.features._pen import thickness_of

__all__ = ["EdgePoints"]

Array = NDArray[np.float64]

COLUMNS = ("x", "y", "nx", "ny", "strength", "contrast", "blur", "curvature")
SHIFT_BITS = 6
"""OpenCV draws lines at fractions of a pixel given in so many bits."""


@dataclass(frozen=True, slots=True, eq=False)
class EdgePoints:
    """Points on the edges of one picture, ordered along contours.

    Walking along a contour, the bright side is on the right hand (y points down).
    A value that a detector does not know is NaN. The arrays cannot be written to.

    Args:
        x: pixels, centres at integers.
        y: pixels, down.
        nx: unit normal to the bright side, x.
        ny: unit normal to the bright side, y.
        strength: gradient per pixel, unit range, at the scale of the detector.
        contrast: bright minus dark side, unit range.
        blur: standard deviation of the edge's blur in pixels, without the area of the
            pixel and without the detector's own smoothing.
        curvature: 1 over pixels, positive where the bright side is round.
        starts: index of the first point of each contour, and the number of points last.
        closed: which contours return to their first point.
        size: height and width of the picture.

    Shape:
        x to curvature (k,) float64; starts (m + 1,) int64; closed (m,) bool.

    Raises:
        ShapeError: the arrays do not belong together.

    Example:
        >>> from sfumato.features import DevernayEdges
        >>> picture = np.zeros((16, 16), np.uint8)
        >>> picture[:, 8:] = 200
        >>> edges = DevernayEdges().detect(picture)
        >>> len(edges), edges.x.round(2).min(), edges.nx[0].round(2)
        (14, np.float64(7.5), np.float64(1.0))
    """

    x: Array
    y: Array
    nx: Array
    ny: Array
    strength: Array
    contrast: Array
    blur: Array
    curvature: Array
    starts: NDArray[np.int64]
    closed: NDArray[np.bool_]
    size: tuple[int, int]

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name == "size":
                continue
            kind = {"starts": np.int64, "closed": np.bool_}.get(field.name, np.float64)
            own: NDArray[Any] = np.array(getattr(self, field.name), kind)
            own.setflags(write=False)
            object.__setattr__(self, field.name, own)
        height, width = self.size
        object.__setattr__(self, "size", (int(height), int(width)))
        count = self.x.size
        for name in COLUMNS:
            if np.shape(getattr(self, name)) != (count,):
                raise ShapeError(
                    f"EdgePoints: '{name}' has shape {np.shape(getattr(self, name))}, "
                    f"'x' has {count} points"
                )
        fits = self.starts.shape == (self.closed.size + 1,) and self.starts[0] == 0
        if not fits or self.starts[-1] != count or (np.diff(self.starts) < 1).any():
            raise ShapeError(
                f"EdgePoints: the contours do not divide the {count} points",
                hint="starts rises from 0 to the number of points, one entry more than contours",
            )

    def __len__(self) -> int:
        return int(self.x.size)

    @classmethod
    def none(cls, size: tuple[int, int]) -> EdgePoints:
        """Give the answer for a picture of this size without edges."""
        columns = {name: np.zeros(0) for name in COLUMNS}
        return cls(**columns, starts=np.zeros(1, np.int64), closed=np.zeros(0, bool), size=size)

    @property
    def points(self) -> Array:
        """Places as (k, 2): x and y."""
        return np.stack([self.x, self.y], axis=1)

    @property
    def normals(self) -> Array:
        """Unit normals to the bright side as (k, 2)."""
        return np.stack([self.nx, self.ny], axis=1)

    @property
    def contour(self) -> NDArray[np.int64]:
        """Number of the contour that each point is on."""
        return np.repeat(np.arange(len(self.closed)), np.diff(self.starts))

    def contours(self) -> list[EdgePoints]:
        """Give each contour by itself."""
        return [self._range(a, b) for a, b in zip(self.starts, self.starts[1:], strict=False)]

    def select(
        self, keep: NDArray[np.bool_], *, bridge_px: float = 0.0, min_points: int = 1
    ) -> EdgePoints:
        """Keep some points; a contour that loses points in between is divided there.

        Args:
            keep: (k,) bool.
            bridge_px: gaps up to this length do not divide a contour.
            min_points: contours that are shorter then are dropped.

        Raises:
            ShapeError: not one truth value for each point.
        """
        if np.shape(keep) != (len(self),) or np.asarray(keep).dtype != np.bool_:
            raise ShapeError(f"EdgePoints.select: expected ({len(self)},) bool")
        if not np.any(keep):
            return EdgePoints.none(self.size)
        kept, label = np.flatnonzero(keep), self.contour[keep]
        away = np.hypot(np.diff(self.x[keep]), np.diff(self.y[keep]))
        new = np.ones(kept.size, bool)
        new[1:] = (np.diff(label) > 0) | ((np.diff(kept) > 1) & (away > bridge_px))
        first = np.flatnonzero(new)
        last = np.append(first[1:], kept.size) - 1
        seam = kept[first], kept[last]
        # A ring stays one where it is in one piece that still reaches from end to end.
        whole = np.bincount(label[first], minlength=len(self.closed)) == 1
        ends = (seam[0] == self.starts[label[first]]) & (
            seam[1] + 1 == self.starts[label[first] + 1]
        )
        near = np.hypot(self.x[seam[0]] - self.x[seam[1]], self.y[seam[0]] - self.y[seam[1]])
        closed = (self.closed & whole)[label[first]] & (ends | (near <= bridge_px))
        long = last - first + 1 >= min_points
        kept = kept[np.repeat(long, last - first + 1)]
        columns = {name: getattr(self, name)[kept] for name in COLUMNS}
        starts = np.append(0, np.cumsum((last - first + 1)[long]))
        return EdgePoints(**columns, starts=starts, closed=closed[long], size=self.size)

    def draw(self, *, thickness_px: int = 1) -> NDArray[np.uint8]:
        """Draw the contours, 255 on 0, smoothed at the rims.

        Args:
            thickness_px: of the lines.

        Shape:
            returns (h, w, 1) uint8.

        Raises:
            RangeError: the thickness is not positive.
        """
        if thickness_px < 1:
            raise RangeError(f"EdgePoints.draw: a line cannot be {thickness_px} px thick")
        canvas, thickness = np.zeros(self.size, np.uint8), thickness_of(thickness_px)
        fixed = np.rint(self.points * 2**SHIFT_BITS).astype(np.int32)
        lines = np.split(fixed, self.starts[1:-1]) if len(self.closed) else []
        for ring in (True, False):
            chosen = [line for line, c in zip(lines, self.closed, strict=True) if c == ring]
            if chosen:
                cv2.polylines(canvas, chosen, ring, 255, thickness, cv2.LINE_AA, shift=SHIFT_BITS)
        return canvas[..., None]

    def _range(self, begin: Any, end: Any) -> EdgePoints:
        columns = {name: getattr(self, name)[begin:end] for name in COLUMNS}
        starts, ring = np.array([0, end - begin]), self.closed[np.searchsorted(self.starts, begin)]
        return EdgePoints(**columns, starts=starts, closed=np.array([ring]), size=self.size)
