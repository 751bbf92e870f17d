"""Find a known flat thing in a scene: a book, a poster, a sign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import check_image, full_range
from sfumato.errors import AlignmentError
from sfumato.features.homography import HomographyFit, estimate_homography, map_points
from sfumato.features.match import match_keypoints
from sfumato.features.sift import KeyPoints, detect_sift
from sfumato.io.picture import read

__all__ = ["FindTemplate", "TemplateMatch"]

Array = NDArray[np.float64]

MAX_CORNER_ERROR = 0.1
"""A corner less certain than this share of the outline's size is a guess."""
HINT = (
    "where the template is there but blurred, turned away or small, try a larger ratio, "
    "root_sift or a template cut to its textured part"
)


@dataclass(frozen=True, slots=True, eq=False)
class TemplateMatch:
    """Where a template lies in a scene, and what says so.

    Args:
        size: height and width of the template in pixels.
        homography: float64 (3, 3), last element 1, from pixels of the template to
            pixels of the scene.
        corners: float64 (4, 2), where the centres of the template's corner pixels lie
            in the scene: top left, bottom left, bottom right, top right. They may lie
            outside where the scene cuts the template off.
        corner_error_px: float64 (4,), standard error of each corner, as the scatter
            and the spread of the inliers let expect.
        points_template: float32 (m, 2), the matched key points in the template.
        points_scene: float32 (m, 2), the same places in the scene.
        inliers: bool (m,), which matches agree with the homography.
        residual_px: root mean square distance of the inliers after mapping, the mean
            of both directions.
    """

    size: tuple[int, int]
    homography: Array
    corners: Array
    corner_error_px: Array
    points_template: NDArray[np.float32]
    points_scene: NDArray[np.float32]
    inliers: NDArray[np.bool_]
    residual_px: float

    @property
    def matches(self) -> int:
        """How many pairs of key points passed the ratio test."""
        return len(self.inliers)

    @property
    def inlier_count(self) -> int:
        """How many of them agree with the homography."""
        return int(self.inliers.sum())

    def mask(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Give the pixels that the template covers: 1 inside, 0 outside.

        Args:
            size: height and width of the scene.

        Shape:
            Returns (h, w).
        """
        inside = np.zeros(size, np.uint8)
        # The template ends half a pixel beyond the centres of its outermost pixels.
        quad = map_points(self.homography, _corners(self.size, margin=0.5))
        x0, y0 = np.maximum(np.floor(quad.min(axis=0)), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(quad.max(axis=0)) + 1, size[::-1]).astype(int)
        if x0 >= x1 or y0 >= y1:
            return inside
        x, y = np.arange(x0, x1), np.arange(y0, y1)[:, None]
        covered = np.ones((y1 - y0, x1 - x0), np.bool_)
        # The corners run against the clock on the screen, so the inside is on the left.
        for (ax, ay), (bx, by) in zip(quad, np.roll(quad, -1, axis=0), strict=True):
            covered &= (bx - ax) * (y - ay) <= (by - ay) * (x - ax)
        inside[y0:y1, x0:x1] = covered
        return inside


class FindTemplate(Operator):
    """Find a flat template in a scene, however it is turned, scaled or tilted there.

    SIFT key points of both pictures are matched; the homography on which most of them
    agree says where the template lies. ``find(scene, template)`` gives the
    `TemplateMatch`. As a step of a pipeline the operator leaves the image as it is,
    puts the match into ``meta["template"]`` and the covered area (1) into ``mask``.

    A map is believed only where it rests on enough matches at different places, where
    the outline stays a convex quadrilateral that is neither mirrored nor absurdly
    scaled, and where the inliers are spread widely enough to fix the corners to a tenth
    of the outline's size. Colour is looked at as luma. Of pictures with alpha only the
    opaque part has key points.

    Args:
        template: file of the template; without it ``hint`` of the sample is searched.
        ratio: nearest over second nearest descriptor distance of a match.
        method: ``brute`` compares all descriptors and is exact; ``flann`` is faster for
            large pictures and may miss a match now and then.
        root_sift: Hellinger instead of Euclidean distance between descriptors.
        estimator: the robust search for the homography.
        threshold_px: a match farther off than this, in pixels, is no inlier.
        min_inliers: fewer agreeing matches do not show the template.
        on_failure: what happens with a scene without the template: ``error``, or
            ``keep`` the sample, with an empty mask and None as the match.

    Shape:
        reads ``image`` (h, w, c), the scene, and ``hint`` (h', w', c'), the template,
        where no file is set; c and c' are 1, 3 or 4; writes ``mask`` (h, w) uint8.

    Raises:
        AlignmentError: the scene does not show the template, or so little of it that
            its outline is not determined; the message says how many matches agree.
        FieldError: neither a file nor a hint is given.
        FileError: the file cannot be read.
        ShapeError: a picture has 2 or more than 4 channels.
        RangeError: a picture holds NaN.

    Example:
        >>> from sfumato.core.opencv import cv2
        >>> noise = np.random.default_rng(0).random((200, 300, 1), np.float32)
        >>> scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 1, cv2.NORM_MINMAX)
        >>> scene = scene[..., None]
        >>> found = FindTemplate().find(scene, scene[60:150, 110:250])
        >>> (found.corners.round() + 0.0).tolist()
        [[110.0, 60.0], [110.0, 149.0], [249.0, 149.0], [249.0, 60.0]]

    References:
        D. Lowe. Distinctive Image Features from Scale-Invariant Keypoints.
        IJCV, 2004. doi:10.1023/B:VISI.0000029664.99615.94
        R. Hartley, A. Zisserman. Multiple View Geometry in Computer Vision, chapter 5.
        Cambridge, 2004.
    """

    writes = ("mask", "meta")
    _example = {"on_failure": "keep"}

    template: Path | None = None
    ratio: Annotated[float, Between(0.3, 1.0)] = 0.7
    method: Literal["brute", "flann"] = "brute"
    root_sift: bool = False
    estimator: Literal["magsac", "ransac"] = "magsac"
    threshold_px: Annotated[float, Between(0.1, 100.0)] = 3.0
    min_inliers: Annotated[int, Between(5, 10_000)] = 8
    on_failure: Literal["error", "keep"] = "error"

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the sample must have: a hint as well, where no file is set."""
        return ("image", "hint") if self.template is None else ("image",)

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        if self.template is None:
            template = sample.require("hint", "FindTemplate")
        else:
            template = read(self.template).image
        try:
            match = self.find(sample.image, template)
        except AlignmentError:
            if self.on_failure == "error":
                raise
            match = None
        mask = np.zeros(sample.size, np.uint8) if match is None else match.mask(sample.size)
        return sample.but(mask=mask, meta={**sample.meta, "template": match})

    def find(self, scene: NDArray[Any], template: NDArray[Any]) -> TemplateMatch:
        """Say where the template lies in the scene.

        Args:
            scene: uint8, uint16 or float32.
            template: as the scene, of any size.

        Shape:
            (h, w) or (h, w, c) with 1, 3 or 4 channels.

        Raises:
            AlignmentError: the scene does not show the template.
            ShapeError: another shape or number of channels.
            DtypeError: another dtype.
            RangeError: a picture holds NaN or infinity.
        """
        there, here = (_look_at(picture, self.root_sift) for picture in (scene, template))
        pairs = match_keypoints(here, there, ratio=self.ratio, method=self.method)
        src, dst = here.points[pairs[:, 0]], there.points[pairs[:, 1]]
        size = (template.shape[0], template.shape[1])
        fit = self._fit(src, dst, size)
        corners = map_points(fit.matrix, _corners(size))
        error = _corner_error(fit, src, dst, _corners(size))
        extent = float(np.sqrt(_area(corners)))
        if not error.max() <= MAX_CORNER_ERROR * extent:
            count = int(fit.inliers.sum())
            raise AlignmentError(
                f"FindTemplate: {count} of {len(src)} matches agree on one map, but they lie too "
                f"close together to place the outline (corners +- {error.max():.0f} px)",
                hint="cut the template to the part that the scene shows",
            )
        return TemplateMatch(
            size, fit.matrix, corners, error, src, dst, fit.inliers, fit.residual_px
        )

    def _fit(
        self, src: NDArray[np.float32], dst: NDArray[np.float32], size: tuple[int, int]
    ) -> HomographyFit:
        if len(src) < self.min_inliers:
            raise _not_found(
                f"{len(src)} matches of key points, so at most as many inliers, "
                f"at least {self.min_inliers} are needed"
            )
        try:
            fit = estimate_homography(
                src,
                dst,
                threshold_px=self.threshold_px,
                method=self.estimator,
                min_inliers=self.min_inliers,
                size=size,
            )
        except AlignmentError as error:
            raise _not_found(error.message.removeprefix("estimate_homography: ")) from error
        places = min(_places(src[fit.inliers]), _places(dst[fit.inliers]))
        if places < self.min_inliers:
            raise _not_found(
                f"{int(fit.inliers.sum())} of {len(src)} matches agree on one map, but at "
                f"{places} different places only, at least {self.min_inliers} are needed"
            )
        return fit


def _not_found(why: str) -> AlignmentError:
    return AlignmentError(f"FindTemplate: the scene does not show the template: {why}", hint=HINT)


def _look_at(picture: NDArray[Any], root: bool) -> KeyPoints:
    flat = isinstance(picture, np.ndarray) and picture.ndim == 2
    image = check_image(picture[..., None] if flat else picture, "FindTemplate")
    if image.shape[2] != 4:
        return detect_sift(image, root=root)
    opaque = image[..., 3] >= 0.5 * full_range(image.dtype)
    return detect_sift(image[..., :3], mask=opaque, root=root)


def _places(points: NDArray[np.float32]) -> int:
    """Count the points that differ: SIFT gives one place several orientations."""
    return len(np.unique(np.rint(points), axis=0))


def _corners(size: tuple[int, int], *, margin: float = 0.0) -> Array:
    low, right, bottom = -margin, size[1] - 1 + margin, size[0] - 1 + margin
    return np.array([(low, low), (low, bottom), (right, bottom), (right, low)], np.float64)


def _area(quad: Array) -> float:
    x, y = quad.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _corner_error(
    fit: HomographyFit, src: NDArray[Any], dst: NDArray[Any], corners: Array
) -> Array:
    """Propagate the scatter of the inliers to the corners, to first order.

    With J the slope of the mapped points by the elements of the homography, the
    corners have the covariance s² Jc (JᵀJ)⁻¹ Jcᵀ.
    """
    source, target = src[fit.inliers].astype(np.float64), dst[fit.inliers]
    scatter = ((map_points(fit.matrix, source) - target) ** 2).sum()
    variance = scatter / (2 * len(source) - 8)
    centre, spread = source.mean(axis=0), max(float(source.std()), 1e-9)
    # In coordinates of the inliers' own size the elements are comparable, and so the rank shows.
    into = np.array([[spread, 0, centre[0]], [0, spread, centre[1]], [0, 0, 1.0]])
    local = fit.matrix @ into
    local /= np.abs(local[:2]).max()
    _, values, axes = np.linalg.svd(_slopes(local, (source - centre) / spread).reshape(-1, 9))
    if values[7] <= 1e-9 * values[0]:
        return np.full(4, np.inf)
    # The ninth direction scales all elements alike and moves no point.
    per_axis = _slopes(local, (corners - centre) / spread) @ axes[:8].T / values[:8]
    return np.asarray(np.sqrt(variance * (per_axis**2).sum(axis=(1, 2))))


def _slopes(matrix: Array, points: Array) -> Array:
    """Give d(mapped point) / d(elements): (k, 2, 9)."""
    ones = np.c_[points, np.ones(len(points))]
    depth = ones @ matrix[2]
    share = ones / depth[:, None]
    mapped = map_points(matrix, points)
    slope = np.zeros((len(points), 2, 9))
    slope[:, 0, 0:3] = share
    slope[:, 1, 3:6] = share
    slope[:, :, 6:9] = -mapped[:, :, None] * share[:, None, :]
    return slope
