"""Many noisy raw frames of one scene into a clean one."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._burst_tiles import aligned_planes
from sfumato.capture._even_denoise import denoise_nlm, denoise_wavelet
from sfumato.capture.camera_noise import CameraNoise
from sfumato.capture.denoise_raw import packed, site_noise, unpacked, without_profile
from sfumato.capture.mosaic_operator import practice_mosaics
from sfumato.capture.noise_model import NoiseModel
from sfumato.capture.variance_stabilization import GeneralizedAnscombe
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import from_unit, to_unit
from sfumato.errors import RangeError
from sfumato.io.mosaic_facts import facts_of

__all__ = ["DenoiseBurst"]

WINDOW, GROW = 5, 3
SAME_ISO = 1.05


class DenoiseBurst(Operator):
    """Merge the raw frames of a burst, and remove what noise is left.

    After the generalised Anscombe transform noise is 1 at every brightness and in every
    frame, so that what differs by more has moved. Each frame is laid over the
    reference tile by tile, in whole cells of the mosaic; each pixel counts by how far the root
    mean square of its surroundings' difference is explained by noise. The mean of n frames
    has noise of 1 / sqrt(n), which a spatial denoiser takes away, more of it where frames were
    left out. The exact unbiased inverse holds for means of frames too. Shifts of a part of
    a cell stay: bursts by hand are sharper through `Develop`, which aligns after demosaicing.

    Args:
        noise: of the camera, as in `DenoiseRaw`.
        iso: of frames that do not state it.
        method: what removes the rest: ``nlm``, ``wavelet`` or ``none``.
        strength: of the spatial denoiser; 1 takes all that is expected to be left.
        reference: index of the frame whose moment is kept.
        tolerance_sigmas: difference that is taken for noise, in its standard deviations.
        most_shift_px: how far the camera may have moved between frames.

    Shape:
        stack (n, h, w, 1) to image (h, w, 1).

    Raises:
        FieldError: the sample is no mosaic, has no stack, or its ISO is not known.
        RangeError: no such reference, frames of different ISO, or no noise can be found.

    Example:
        >>> from sfumato.io.mosaic import mosaic_from_array
        >>> model = NoiseModel(gain=(0.01,), read_noise=(0.01,), white=(1.0,))
        >>> light = np.full((8, 64, 64), 0.5, np.float32)
        >>> frames = model.apply(light, rng=0, clip=False)[..., None]
        >>> burst = mosaic_from_array(frames[0], white=1.0).but(stack=frames)
        >>> out = DenoiseBurst(noise=model, method="none")(burst).image
        >>> bool(out.std() < 0.4 * frames[0].std())
        True

    References:
        S. Hasinoff et al. Burst Photography for High Dynamic Range and Low-Light
        Imaging on Mobile Cameras. ACM Transactions on Graphics, 2016.
        doi:10.1145/2980179.2980254
    """

    reads: ClassVar[tuple[str, ...]] = ("stack",)

    noise: CameraNoise | NoiseModel | None = None
    iso: Annotated[float | None, Between(1.0, 1e7)] = None
    method: Literal["nlm", "wavelet", "none"] = "nlm"
    strength: Annotated[float, Between(0.1, 5.0)] = 1.0
    reference: Annotated[int, Between(0, 10_000)] = 0
    tolerance_sigmas: Annotated[float, Between(1.2, 20.0)] = 1.5
    most_shift_px: Annotated[int, Between(0, 2000)] = 128

    def practice_samples(self) -> tuple[Sample, ...]:
        return tuple(s for s in practice_mosaics() if s.stack is not None)

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        found = facts_of(sample, "DenoiseBurst")
        stack = sample.require("stack", "DenoiseBurst")
        if self.reference >= len(stack):
            raise RangeError(
                f"DenoiseBurst: reference {self.reference} is not in a stack of {len(stack)}",
                hint="frames are counted from 0",
            )
        iso = self._iso(sample, len(stack))
        first = to_unit(stack[self.reference][..., 0])
        transform = GeneralizedAnscombe(model=site_noise(self.noise, first, found, iso))
        merged, count = self._merge(stack, transform)
        clean = transform.inverse(self._rest(merged, count))
        image = from_unit(unpacked(clean, first.shape)[..., None], stack.dtype)
        metas: Any = sample.meta.get("frames") or ({},) * len(stack)
        meta = {**sample.meta, **metas[self.reference], "merged_frames": float(count.mean())}
        meta.pop("frames", None)
        return without_profile(sample.but(image=image, stack=None, meta=meta))

    def _iso(self, sample: Sample, count: int) -> float | None:
        metas: Any = sample.meta.get("frames") or (sample.meta,) * count
        stated = [float(meta["iso"]) for meta in metas if meta.get("iso")]
        if stated and max(stated) > SAME_ISO * min(stated):
            raise RangeError(
                f"DenoiseBurst: the frames have ISO {min(stated):g} to {max(stated):g}",
                hint="a bracket is for FuseExposures: sfumato develop",
            )
        return stated[0] if stated else self.iso

    def _merge(
        self, stack: NDArray[Any], transform: GeneralizedAnscombe
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give the mean of the stabilised frames, and how many frames are in each place."""

        def even(frame: NDArray[Any]) -> NDArray[np.float32]:
            plane = to_unit(frame[..., 0])
            if not np.isfinite(plane).all():
                raise RangeError("DenoiseBurst: a mosaic holds NaN or infinite values")
            return np.asarray(transform.forward(packed(plane)))

        reference = even(stack[self.reference])
        total = np.zeros_like(reference)
        count = np.ones(reference.shape[:2], np.float32)
        for k, frame in enumerate(stack):
            if k == self.reference:
                continue
            gap = aligned_planes(reference, even(frame), self.most_shift_px // 2)
            gap -= reference
            weight = self._weight(gap)
            total += weight[..., None] * gap
            count += weight
        return reference + total / count[..., None], count

    def _weight(self, gap: NDArray[np.float32]) -> NDArray[np.float32]:
        # Two noises of variance 1 differ by 2 on average; over four sites and a window
        # that is known closely.
        energy = cv2.transform(gap * gap, np.full((1, 4), 0.125, np.float32))
        mean = cv2.blur(energy.reshape(gap.shape[:2]), (WINDOW, WINDOW))
        ratio = np.sqrt(mean) / np.float32(self.tolerance_sigmas)
        weight = np.clip(3.0 - 2.0 * ratio, 0.0, 1.0)
        return np.asarray(cv2.erode(weight, np.ones((GROW, GROW), np.uint8)), np.float32)

    def _rest(self, merged: NDArray[np.float32], count: NDArray[np.float32]) -> NDArray[np.float32]:
        """Remove the noise that the mean of n frames still has, and that of places with fewer."""
        if self.method == "none":
            return merged
        denoise = denoise_nlm if self.method == "nlm" else denoise_wavelet
        usual, fewest = float(np.median(count)), float(count.min())
        calm = denoise(merged, self.strength / usual**0.5)
        if usual / fewest < 1.5:
            return calm
        strong = denoise(merged, self.strength / fewest**0.5)
        share = np.clip((count**-0.5 - usual**-0.5) / (fewest**-0.5 - usual**-0.5), 0.0, 1.0)
        share = cv2.blur(share.astype(np.float32), (WINDOW, WINDOW))[..., None]
        return np.asarray(calm + share * (strong - calm), np.float32)
