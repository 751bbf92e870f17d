"""From a mosaic to a picture in sRGB: balance, demosaicing, the camera's colors, tone."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.demosaic import Demosaic
from sfumato.capture.mosaic_operator import practice_mosaics
from sfumato.color.transfer import linear_to_srgb
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import FloatImage, Image, from_unit, to_unit
from sfumato.errors import RangeError, ShapeError
from sfumato.io.exif import for_output
from sfumato.io.mosaic_facts import MosaicFacts, facts_of, tiled
from sfumato.io.orientation import upright

__all__ = ["DevelopRaw"]

BAND = 256
LIT = (0.01, 0.95)
"""Values that say something about the color of the light."""


class DevelopRaw(Operator):
    """Make a picture of a raw mosaic.

    In order: the operators of ``before`` on the mosaic; white balance; what clips is made
    neutral; demosaicing; the camera's matrix to linear sRGB; exposure; the sRGB curve; turning
    upright. Nothing adapts to the content unless asked to, and all frames of a stack
    are treated alike, with the balance of the first, so that a bracket keeps its differences.

    Args:
        before: operators on the mosaic: `MendPixels`, `CorrectShading`, `DenoiseRaw`.
        demosaic: how the missing colors are found.
        white_balance: ``camera`` as the file says, ``grey_world`` by the mean of the picture, or
            factors for red, green and blue.
        highlights: ``clip`` ends all colors at the light that saturates the first of them, so that
            what is blown is white; ``keep`` leaves light above it, tinted where some color
            is blown.
        exposure_ev: stops brighter.
        space: ``srgb`` for a finished picture, clipped to 0..1; ``linear`` for light, signed.
        turn: turn the picture upright.

    Shape:
        image (h, w, 1) to (h, w, 3), turned to (w, h, 3) where the camera was held so; each
        frame of a stack likewise.

    Raises:
        FieldError: the sample is no mosaic.
        RangeError: white balance factors not above 0, or no grey to be found.

    Example:
        >>> from sfumato.io.mosaic import mosaic_from_array
        >>> grey = mosaic_from_array(np.full((8, 8), 0.2140, np.float32), white=1.0)
        >>> DevelopRaw()(grey).image[3, 3].round(2).tolist()
        [0.5, 0.5, 0.5]
    """

    alters: ClassVar[tuple[str, ...]] = ("channels",)

    before: tuple[Operator, ...] = ()
    demosaic: Demosaic = Demosaic()
    white_balance: Literal["camera", "grey_world"] | tuple[float, float, float] = "camera"
    highlights: Literal["clip", "keep"] = "clip"
    exposure_ev: Annotated[float, Between(-20.0, 20.0)] = 0.0
    space: Literal["srgb", "linear"] = "srgb"
    turn: bool = True

    def check(self) -> None:
        if not isinstance(self.white_balance, str) and min(self.white_balance) <= 0.0:
            raise RangeError(f"DevelopRaw.white_balance: {self.white_balance} is not above 0")

    def practice_samples(self) -> tuple[Sample, ...]:
        return practice_mosaics()

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        facts_of(sample, "DevelopRaw")
        for operator, stream in zip(self.before, rng.spawn(len(self.before)), strict=True):
            sample = operator.apply(sample, stream)
        found = facts_of(sample, "DevelopRaw")
        factors = self._factors(sample, found)
        if sample.stack is None:
            image = self._one(sample.image, found, factors)
            return _as_picture(sample, image, None, self.space, self.turn)
        frames: Any = None
        for k, frame in enumerate(sample.stack):
            made = self._one(frame, found, factors)
            if frames is None:
                frames = np.empty((len(sample.stack), *made.shape), made.dtype)
            frames[k] = made
        alone = not np.array_equal(sample.image, sample.stack[0])
        image = self._one(sample.image, found, factors) if alone else frames[0]
        return _as_picture(sample, image, frames, self.space, self.turn)

    def _factors(self, sample: Sample, found: MosaicFacts) -> NDArray[np.float64]:
        if self.white_balance == "camera":
            factors = np.array(found.white_balance)
        elif self.white_balance == "grey_world":
            factors = _grey_world(to_unit(sample.image[..., 0]), found)
        else:
            factors = np.array(self.white_balance, np.float64)
        return np.asarray(factors / factors.min())

    def _one(self, image: Image, found: MosaicFacts, factors: NDArray[np.float64]) -> Image:
        plane = to_unit(image[..., 0])
        height = len(plane)
        each = factors[list(found.sites)]
        for top in range(0, height, BAND):
            rows = plane[top : top + BAND]
            rows *= tiled(each, rows.shape).astype(np.float32)
            if self.highlights == "clip":
                np.minimum(rows, np.float32(1.0), out=rows)
        picture = self.demosaic.apply_mosaic(plane, found, np.random.default_rng(0))
        matrix = np.array(found.camera_to_srgb) * 2.0**self.exposure_ev
        for top in range(0, height, BAND):
            rows = picture[top : top + BAND]
            light = cv2.transform(rows, matrix.astype(np.float32))
            if self.highlights == "clip":
                # Demosaicing and matrix may overshoot; the sensor's white is the end.
                np.minimum(light, np.float32(2.0**self.exposure_ev), out=light)
            rows[...] = self._encoded(light)
        turned = upright(picture, found.orientation) if self.turn else picture
        return from_unit(np.ascontiguousarray(turned), image.dtype)

    def _encoded(self, light: FloatImage) -> FloatImage:
        if self.space == "linear":
            return light
        return linear_to_srgb(np.clip(light, 0.0, 1.0))


def _grey_world(plane: NDArray[np.float32], found: MosaicFacts) -> NDArray[np.float64]:
    """Balance so that the mean of what is neither dark nor blown is grey."""
    height, width = (n // 2 * 2 for n in plane.shape)
    if min(height, width) < 2:
        raise ShapeError(f"DevelopRaw: too small for grey_world, {plane.shape}")
    cells = np.stack([plane[k // 2 : height : 2, k % 2 : width : 2] for k in range(4)])
    lit = (cells.min(axis=0) > LIT[0]) & (cells.max(axis=0) < LIT[1])
    if not lit.any():
        raise RangeError(
            "DevelopRaw: all of the picture is dark or blown, there is no grey to balance by",
            hint="take white_balance: camera",
        )
    means = cells[:, lit].mean(axis=1, dtype=np.float64)
    colors = np.array([means[[s == c for s in found.sites]].mean() for c in range(3)])
    return np.asarray(colors[1] / colors)


def _as_picture(sample: Sample, image: Image, stack: Any, space: str, turn: bool) -> Sample:
    def told(meta: Any) -> dict[str, Any]:
        new = {key: value for key, value in meta.items() if key != "mosaic"}
        if turn and new.get("exif"):
            new["exif"] = for_output(new["exif"], size=None)
        return new

    meta = told(sample.meta)
    if "frames" in meta:
        meta["frames"] = tuple(told(frame) for frame in meta["frames"])
    return sample.but(image=image, stack=stack, space=space, meta=meta)
