"""Remove the noise of a raw mosaic, knowing how much there is."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._even_denoise import denoise_nlm, denoise_wavelet
from sfumato.capture.blind_noise import estimate_blind_noise
from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.mosaic_operator import practice_mosaics
from sfumato.capture.noise_model import NoiseModel
from sfumato.capture.variance_stabilization import GeneralizedAnscombe
from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, from_unit, to_unit
from sfumato.errors import FieldError, RangeError, SfumatoError
from sfumato.io.mosaic_facts import MosaicFacts, facts_of

__all__ = ["DenoiseRaw", "packed", "site_noise", "unpacked", "without_profile"]

LEAST_GAIN = 1e-9


class DenoiseRaw(Operator):
    """Remove the noise of a raw mosaic, knowing how much there is.

    Each site of the cell goes through its generalised Anscombe transform, after which its
    noise is 1 at every brightness; a denoiser for such noise works on all four sites
    together; the exact unbiased inverse brings light back. Values stay signed until
    the transform, so that shadows do not turn bright.

    The noise is, in this order: ``noise``; the NoiseProfile that the file states; what
    `estimate_blind_noise` reads from each site, its b taken as 0 where it is below.

    Args:
        noise: of the camera, in the DN of its raw files: for every ISO (the one in the metadata of
            the frame is taken) or for this picture; none for what the file or the picture says.
        iso: of frames that do not state it.
        method: ``nlm`` (OpenCV's non-local means) or ``wavelet`` (needs PyWavelets).
        strength: how much of the noise is taken for noise; 1 for all of it.

    Shape:
        image (h, w, 1), and each frame of a stack; any size from 2 x 2 on, 128 x 128 where
        the noise is estimated.

    Raises:
        FieldError: the sample is no mosaic, or its ISO is not known.
        RangeError: the ISO lies outside of what was measured, or no noise can be found.
        MissingExtraError: wavelets, and PyWavelets is not installed.

    Example:
        >>> from sfumato.io.mosaic import mosaic_from_array
        >>> model = NoiseModel(gain=(0.01,), read_noise=(0.01,), white=(1.0,))
        >>> noisy = model.apply(np.full((64, 64), 0.5, np.float32), rng=0, clip=False)
        >>> clean = DenoiseRaw(noise=model)(mosaic_from_array(noisy, white=1.0)).image
        >>> bool(clean.std() < noisy.std() / 3 and abs(clean.mean() - 0.5) < 0.01)
        True

    References:
        M. Makitalo, A. Foi. Optimal Inversion of the Generalized Anscombe
        Transformation for Poisson-Gaussian Noise. IEEE Transactions on Image
        Processing, 2013. doi:10.1109/TIP.2012.2202675
        A. Buades, B. Coll, J.-M. Morel. A Non-Local Algorithm for Image Denoising.
        CVPR 2005. doi:10.1109/CVPR.2005.38
    """

    noise: CameraNoise | NoiseModel | None = None
    iso: Annotated[float | None, Between(1.0, 1e7)] = None
    method: Literal["nlm", "wavelet"] = "nlm"
    strength: Annotated[float, Between(0.1, 5.0)] = 1.0

    def practice_samples(self) -> tuple[Sample, ...]:
        return practice_mosaics()

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        facts_of(sample, "DenoiseRaw")
        image = self._clean(sample.image, sample.meta)
        if sample.stack is None:
            return without_profile(sample.but(image=image))
        metas = sample.meta.get("frames") or (sample.meta,) * len(sample.stack)
        stack = np.empty_like(sample.stack)
        for k, (frame, meta) in enumerate(zip(sample.stack, metas, strict=True)):
            # Frames of a series may have been taken at different ISO.
            stack[k] = self._clean(frame, {**sample.meta, **meta})
        return without_profile(sample.but(image=image, stack=stack))

    def model(self, sample: Sample) -> NoiseModel:
        """Say which noise is removed from the image of a sample: four sites, unit range."""
        found = facts_of(sample, "DenoiseRaw")
        return site_noise(self.noise, to_unit(sample.image[..., 0]), found, self._iso(sample.meta))

    def _iso(self, meta: Any) -> float | None:
        stated = meta.get("iso")
        return float(stated) if stated else self.iso

    def _clean(self, image: Image, meta: Any) -> Image:
        plane = to_unit(image[..., 0])
        if not np.isfinite(plane).all():
            raise RangeError("DenoiseRaw: the mosaic holds NaN or infinite values")
        model = site_noise(self.noise, plane, meta["mosaic"], self._iso(meta))
        transform = GeneralizedAnscombe(model=model)
        even = transform.forward(packed(plane))
        denoise = denoise_nlm if self.method == "nlm" else denoise_wavelet
        clean = transform.inverse(denoise(even, self.strength))
        return from_unit(unpacked(clean, plane.shape)[..., None], image.dtype)


def packed(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay the four sites of a mosaic (h, w) out as planes; odd sizes go on by reflection."""
    height, width = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="reflect")
    return np.stack([even[k // 2 :: 2, k % 2 :: 2] for k in range(4)], axis=-1)


def unpacked(planes: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Undo `packed`."""
    whole = np.empty((2 * planes.shape[0], 2 * planes.shape[1]), planes.dtype)
    for k in range(4):
        whole[k // 2 :: 2, k % 2 :: 2] = planes[..., k]
    return np.ascontiguousarray(whole[: shape[0], : shape[1]])


def site_noise(
    noise: CameraNoise | NoiseModel | None,
    plane: NDArray[np.float32],
    found: MosaicFacts,
    iso: float | None,
) -> NoiseModel:
    """Give the noise of a mosaic as a model of its four sites on the unit range.

    Row noise and rounding count as read noise.

    Raises:
        FieldError: the noise of a camera is given and the ISO is not known.
        RangeError: the ISO lies outside of what was measured, or no noise can be found.
    """
    if isinstance(noise, CameraNoise):
        if iso is None:
            raise FieldError(
                "DenoiseRaw: the ISO of the frame is not known", hint="say it: iso=1600 (--iso)"
            )
        noise = noise.at(iso)
    if noise is None:
        pairs = found.noise_profile or _estimated(plane, found)
        noise = NoiseModel.from_noise_profile(pairs)
    sites = noise if noise.colors == 4 else noise.for_pattern(found.pattern)
    if min(sites.gain) <= 0.0:
        raise RangeError("DenoiseRaw: the noise model has no photon noise (a gain of 0)")
    return NoiseModel.from_noise_profile(sites.noise_profile())


def _estimated(plane: NDArray[np.float32], found: MosaicFacts) -> tuple[float, ...]:
    pairs: list[float] = []
    for k in range(4):
        site = np.ascontiguousarray(plane[k // 2 :: 2, k % 2 :: 2])
        try:
            blind = estimate_blind_noise(site, white=1.0, clipped=False)
        except SfumatoError as error:
            raise RangeError(
                f"DenoiseRaw: the noise cannot be read from the picture ({error.message})",
                hint="measure the camera (sfumato calibrate) and give its profile: --profile",
            ) from error
        pairs += [max(blind.a, LEAST_GAIN), max(blind.b, 0.0)]
    return tuple(pairs)


def without_profile(sample: Sample) -> Sample:
    """Take the noise profile off, which is no longer true."""

    def cleaned(meta: Any) -> dict[str, Any]:
        known = meta.get("mosaic")
        new = dict(meta)
        if isinstance(known, MosaicFacts):
            new["mosaic"] = dataclasses.replace(known, noise_profile=())
        return new

    meta = cleaned(sample.meta)
    if "frames" in meta:
        meta["frames"] = tuple(cleaned(frame) for frame in meta["frames"])
    return sample.but(meta=meta)
