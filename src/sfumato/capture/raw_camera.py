"""A virtual raw camera: from a clean picture to what a given sensor would have read."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.noise_model import NoiseModel
from sfumato.color.transfer import srgb_to_linear
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, to_unit
from sfumato.core.spec import Configured
from sfumato.errors import FieldError, RangeError, ShapeError
from sfumato.io.mosaic import mosaic_from_array
from sfumato.io.mosaic_facts import PATTERNS, MosaicFacts, tiled

__all__ = ["RawCamera"]

Row = tuple[float, float, float]
EXPOSURE_TIME_S = 1.0 / 60.0
"""Of a picture that does not say its own; only told, so that brackets are recognised."""


class RawCamera(Configured):
    """Read a clean picture as a given camera would, for training and for tests.

    The way of `DevelopRaw` backwards: sRGB to light, light to the camera's colors, balance taken
    off, one color for each site; then the noise of the sensor at the ISO, rounded and clipped
    as the sensor does. White of the picture becomes the light that just saturates
    the first color, so developing without noise gives the picture back.

    Args:
        noise: of the camera, for one ISO or across them. A model on the unit range (black 0,
            white 1), as darktable's profiles give, is brought to ``levels``.
        pattern: colors of the 2 x 2 cell, row by row.
        white_balance: factors for red, green and blue that the light of the scene asks for.
        camera_to_srgb: from balanced camera colors to linear sRGB, rows that sum to 1.
        levels: black and white in DN, of a camera whose noise is on the unit range.

    Raises:
        RangeError: no Bayer pattern, factors not above 0, or a matrix that cannot be inverted.

    Example:
        >>> model = NoiseModel(gain=(2.0,), read_noise=(6.0,), black=(512.0,), white=(16383.0,))
        >>> camera = RawCamera(noise=CameraNoise(isos=(800,), models=(model,)))
        >>> raw = camera.expose(np.full((64, 64, 3), 128, np.uint8), iso=800, rng=0)
        >>> raw.image.shape, raw.space, raw.meta["iso"]
        ((64, 64, 1), 'raw', 800)
        >>> bool((camera.expose(np.full((64, 64, 3), 128, np.uint8), iso=800, rng=0).image
        ...       == raw.image).all())
        True
    """

    _example = {"noise": NoiseModel()}

    noise: CameraNoise | NoiseModel
    pattern: str = "RGGB"
    white_balance: Annotated[tuple[float, float, float], Between(0.01, 100.0)] = (2.0, 1.0, 1.6)
    camera_to_srgb: tuple[Row, Row, Row] = (
        (1.70, -0.55, -0.15),
        (-0.22, 1.62, -0.40),
        (0.03, -0.48, 1.45),
    )
    levels: Annotated[tuple[float, float], Between(0.0, 65535.0)] = (512.0, 16383.0)

    def check(self) -> None:
        if self.pattern not in PATTERNS:
            raise RangeError(f"RawCamera.pattern: {self.pattern!r} is none of {PATTERNS}")
        if self.levels[0] >= self.levels[1]:
            raise RangeError(f"RawCamera.levels: black {self.levels[0]} is not below white")
        MosaicFacts(white_balance=self.white_balance, camera_to_srgb=self.camera_to_srgb)

    def model(self, iso: float | None = None) -> NoiseModel:
        """Give the noise of the four sites at an ISO, in DN.

        Raises:
            FieldError: the camera has a model for each ISO, and none is given.
            RangeError: nothing was measured at the ISO.
        """
        noise = self.noise
        if isinstance(noise, CameraNoise):
            if iso is None:
                raise FieldError("RawCamera: which ISO is not said", hint="iso=1600 (--iso)")
            noise = noise.at(iso)
        if set(noise.white) == {1.0} and set(noise.black) == {0.0}:
            black, white = self.levels
            noise = noise.rescaled(black=black, white=white, step=1.0)
        return noise if noise.colors == 4 else noise.for_pattern(self.pattern)

    def expose(
        self,
        picture: Sample | Image,
        iso: float | None = None,
        rng: Rng | int | None = None,
        *,
        exposure_ev: float = 0.0,
    ) -> Sample:
        """Read a picture as the sensor does.

        Args:
            picture: clean; sRGB values, or linear light where the sample's ``space`` says so.
            iso: within what was measured; not needed where the noise is one model.
            rng: a seed or generator; the same seed gives the same frame.
            exposure_ev: stops above the exposure at which white just saturates.

        Shape:
            picture (h, w, 3), or (h, w, 1) for grey; gives a raw sample (h, w, 1) as
            `sfumato.io.read_mosaic` does. Its ``target`` (h, w, 1) is the mosaic without noise,
            rounding and clipping at white.

        Raises:
            ShapeError: neither 1 nor 3 channels.
            FieldError: neither sRGB nor linear, or an ISO is needed.
            RangeError: nothing was measured at the ISO, or light that is not finite.
        """
        sample = picture if isinstance(picture, Sample) else Sample(picture)
        model = self.model(iso)
        light = self._seen(sample) * np.float32(2.0**exposure_ev)
        span = tiled(np.broadcast_to(model.span, 4), light.shape)
        electrons_dn = np.asarray(light * span, np.float32)
        seen = model.apply(electrons_dn, np.random.default_rng(rng))
        black = tiled(np.broadcast_to(np.array(model.black), 4), light.shape)
        made = mosaic_from_array(
            seen + black,
            pattern=self.pattern,
            black=model.black,
            white=model.white,
            white_balance=self.white_balance,
            camera_to_srgb=self.camera_to_srgb,
            noise_profile=_profile(model, self.pattern),
            meta=self._told(sample, iso, exposure_ev),
        )
        return made.but(target=light[..., None])

    def _seen(self, sample: Sample) -> NDArray[np.float32]:
        """Give the light at each site on the unit range, white just saturating a color."""
        if sample.space not in ("srgb", "linear"):
            raise FieldError(f"RawCamera: expected sRGB or linear light, got {sample.space}")
        if sample.image.shape[2] not in (1, 3):
            raise ShapeError(f"RawCamera: expected 1 or 3 channels, got {sample.image.shape[2]}")
        image = sample.image
        light = to_unit(image) if sample.space == "linear" else srgb_to_linear(image)
        if not np.isfinite(light).all():
            raise RangeError("RawCamera: the picture holds NaN or infinite values")
        factors = np.array(self.white_balance) / min(self.white_balance)
        to_camera = np.linalg.inv(np.array(self.camera_to_srgb)) / factors[:, None]
        plane = np.empty(light.shape[:2], np.float32)
        for k, letter in enumerate(self.pattern):
            site = light[k // 2 :: 2, k % 2 :: 2]
            weights = to_camera["RGB".index(letter)].astype(np.float32)
            value = site @ weights if site.shape[2] == 3 else site[..., 0] * weights.sum()
            # Colors that no light of this camera has would be negative; a sensor reads none.
            plane[k // 2 :: 2, k % 2 :: 2] = np.maximum(value, 0.0)
        return plane

    def _told(self, sample: Sample, iso: float | None, exposure_ev: float) -> dict[str, Any]:
        kept = {k: v for k, v in sample.meta.items() if k in ("f_number", "focal_length_mm")}
        stated = float(sample.meta.get("exposure_time_s") or EXPOSURE_TIME_S)
        name = self.noise.camera if isinstance(self.noise, CameraNoise) else ""
        told = {**kept, "camera": f"{name} simulated" if name else "sfumato virtual camera"}
        told["exposure_time_s"] = stated * 2.0**exposure_ev
        if iso is not None:
            told["iso"] = iso
        return told


def _profile(model: NoiseModel, pattern: str) -> tuple[float, ...]:
    """Give S and O of red, green and blue; the greens averaged."""
    if min(model.gain) <= 0.0:
        return ()
    return model.without_pattern(pattern).noise_profile()
