"""Show what was matched: two pictures side by side, pairs joined, the outline of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, check_image, from_unit, to_unit
from sfumato.errors import ShapeError
from sfumato.features.template import TemplateMatch

__all__ = ["draw_match", "draw_outline", "join_places"]

Codes: TypeAlias = NDArray[np.uint8]
Color: TypeAlias = tuple[int, int, int]

# Told apart by all kinds of color vision, and by their brightness.
INLIER: Color = (0, 200, 140)
OUTLIER: Color = (213, 94, 0)
OUTLINE: Color = (255, 225, 60)
HALO: Color = (20, 20, 20)
BACKGROUND = 28
GAP_PX = 8
LINE_OPACITY = 0.4
MOST_LINES = 200
"""Of either kind; more would hide the pictures."""
BITS = 4
"""OpenCV draws at whole pixels or at fractions of 2^-BITS of one."""


def draw_match(
    template: Image, scene: Image, match: TemplateMatch, *, outliers: bool = True
) -> Codes:
    """Put template and scene side by side, join what matches, outline what was found.

    Matches that agree with the homography are green, others orange, and the outline of
    the template in the scene is yellow; of over 200 of a kind an even share is drawn. The
    pictures that come in stay as they are.

    Args:
        template: what was looked for.
        scene: where it was looked for.
        match: what was found.
        outliers: show the matches that do not agree as well.

    Shape:
        template (h, w, c), scene (h', w', c') of 1, 3 or 4 channels, display values;
        returns (max(h, h'), w + 8 + w', 3) uint8.

    Raises:
        ShapeError: another number of channels, or a template of another size than
            the one that was found.

    Example:
        >>> noise = np.random.default_rng(0).random((60, 80, 1), np.float32)
        >>> scene = cv2.GaussianBlur(noise, (0, 0), 1.5)[..., None]
        >>> from sfumato.features.template import FindTemplate
        >>> match = FindTemplate().find(scene, scene[10:50, 15:70])
        >>> draw_match(scene[10:50, 15:70], scene, match).shape
        (60, 143, 3)
    """
    if template.shape[:2] != match.size:
        raise ShapeError(
            f"draw_match: the template is {template.shape[:2]}, the one that was found {match.size}"
        )
    left, right = _shown(template, "draw_match"), _shown(scene, "draw_match")
    stroke = _stroke(right.shape)
    right = draw_outline(right, match.corners)
    shift = np.array([left.shape[1] + GAP_PX, 0.0])
    canvas = np.full(
        (max(len(left), len(right)), int(shift[0]) + right.shape[1], 3), BACKGROUND, np.uint8
    )
    canvas[: len(left), : left.shape[1]] = left
    canvas[: len(right), int(shift[0]) :] = right
    agree, stray = np.flatnonzero(match.inliers), np.flatnonzero(~match.inliers)
    agree, stray = (k[:: -(-len(k) // MOST_LINES) or 1] for k in (agree, stray))
    # Inliers last, so that they lie on top.
    order = np.concatenate([stray, agree]) if outliers else agree
    return join_places(
        canvas,
        match.points_template[order],
        match.points_scene[order] + shift,
        [INLIER if agrees else OUTLIER for agrees in match.inliers[order]],
        stroke=stroke,
        opacity=LINE_OPACITY,
    )


def draw_outline(picture: Image, corners: NDArray[Any], *, color: Color = OUTLINE) -> Codes:
    """Draw a closed polygon on a copy of a picture, with a dark halo that sets it off.

    Args:
        picture: what is drawn on.
        corners: x then y, in order around the polygon; they may lie outside.
        color: RGB of 8 bits.

    Shape:
        picture (h, w, c), 1, 3 or 4 channels; corners (k, 2); returns (h, w, 3) uint8.

    Raises:
        ShapeError: another number of channels or another form of the corners.

    Example:
        >>> black = np.zeros((20, 30, 3), np.uint8)
        >>> square = np.array([[8, 5], [8, 15], [18, 15], [18, 5]])
        >>> draw_outline(black, square)[10, 8].tolist()
        [255, 225, 60]
    """
    if np.ndim(corners) != 2 or np.shape(corners)[1] != 2:
        raise ShapeError(f"draw_outline: expected corners (k, 2), got {np.shape(corners)}")
    canvas = _shown(picture, "draw_outline")
    stroke = 2 * _stroke(canvas.shape)
    ring = _fixed(corners)[:, None, :]
    for shade, width in ((HALO, stroke + 2), (color, stroke)):
        cv2.polylines(canvas, [ring], True, shade, width, cv2.LINE_AA, BITS)
    return canvas


def join_places(
    picture: Codes,
    starts: NDArray[Any],
    ends: NDArray[Any],
    colors: Sequence[Color],
    *,
    stroke: int = 1,
    opacity: float = 1.0,
) -> Codes:
    """Draw lines with a ring at both ends on a copy of a picture.

    Args:
        picture: what is drawn on, 8-bit colour.
        starts: x then y of the one end of each line.
        ends: of the other.
        colors: RGB of each line, 8 bits.
        stroke: width of the lines in pixels.
        opacity: of the lines; the rings are opaque.

    Shape:
        picture (h, w, 3); starts, ends (k, 2); returns (h, w, 3).

    Example:
        >>> grey = np.full((20, 40, 3), 90, np.uint8)
        >>> drawn = join_places(grey, np.array([[5, 10]]), np.array([[35, 10]]), [(255, 0, 0)])
        >>> (drawn[10, 20] > 200).tolist(), grey[10, 20].tolist()
        ([True, False, False], [90, 90, 90])
    """
    canvas = np.array(picture, np.uint8, order="C")
    radius = (2 + stroke) << BITS
    pairs = list(zip(_fixed(starts).tolist(), _fixed(ends).tolist(), colors, strict=True))
    for first, last, color in pairs:
        cv2.line(canvas, first, last, color, stroke, cv2.LINE_AA, BITS)
    if opacity < 1.0:
        canvas = cv2.addWeighted(canvas, opacity, np.asarray(picture, np.uint8), 1.0 - opacity, 0.0)
    for first, last, color in pairs:
        for end in (first, last):
            cv2.circle(canvas, end, radius, color, stroke, cv2.LINE_AA, BITS)
    return np.asarray(canvas)


def _fixed(points: NDArray[Any]) -> NDArray[np.int32]:
    # Far beyond any picture OpenCV's fixed point numbers would run over.
    near = np.clip(np.asarray(points, np.float64), -1e6, 1e6)
    return np.asarray(np.rint(near * (1 << BITS)), np.int32).reshape(-1, 2)


def _stroke(shape: tuple[int, ...]) -> int:
    return max(1, round(max(shape[:2]) / 1200))


def _shown(picture: Image, who: str) -> Codes:
    """Give 8-bit colour in memory of its own; alpha lets the background through."""
    image = check_image(picture, who)
    channels = image.shape[2]
    if channels not in (1, 3, 4):
        raise ShapeError(f"{who}: expected 1, 3 or 4 channels, got {channels}")
    unit = to_unit(image)
    if channels == 4:
        alpha = unit[..., 3:]
        unit = unit[..., :3] * alpha + (1.0 - alpha) * np.float32(BACKGROUND / 255)
    codes = from_unit(unit, np.uint8)
    return np.repeat(codes, 3, axis=2) if channels == 1 else np.ascontiguousarray(codes)
