"""Spoil a good picture as cameras, editors and networks do, to train restoration."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from sfumato.augment._kernels import convolve, draw_odd, sinc
from sfumato.augment._targets import Params, Targets
from sfumato.augment.degrade_blur import DegradeBlur, blur
from sfumato.augment.degrade_noise import DegradeNoise, add_noise
from sfumato.augment.transform import Transform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, from_unit, to_unit
from sfumato.core.spec import Configured
from sfumato.errors import RangeError, ShapeError

__all__ = ["Degrade", "DegradePass"]

INTERPOLATIONS = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
}
Odds = Annotated[tuple[float, float, float], Between(0.0, 1e3)]


class DegradePass(Configured):
    """What spoils a picture once: a blur, a resize, noise and JPEG, in this order.

    Args:
        blur: the kernels, and by its ``p`` the chance of any.
        resize_odds: weights of enlarging, shrinking and keeping the size.
        resize_range: the factor is drawn from here: above 1 to enlarge, below to shrink.
        noise: the noise, and by its ``p`` the chance of any.
        jpeg_range: the quality, 1 to 100, is drawn from here; none for no JPEG.

    Raises:
        RangeError: an empty range, or no weight above 0.
    """

    blur: DegradeBlur = DegradeBlur()
    resize_odds: Odds = (0.2, 0.7, 0.1)
    resize_range: Annotated[tuple[float, float], Between(0.01, 100.0)] = (0.15, 1.5)
    noise: DegradeNoise = DegradeNoise()
    jpeg_range: Annotated[tuple[int, int] | None, Between(1, 100)] = (30, 95)

    def check(self) -> None:
        if sum(self.resize_odds) <= 0.0:
            raise RangeError("DegradePass.resize_odds: one weight at least must be above 0")
        low, high = self.resize_range
        if low > high or (self.jpeg_range and self.jpeg_range[0] > self.jpeg_range[1]):
            raise RangeError(f"DegradePass: an empty range, {self.resize_range}, {self.jpeg_range}")

    def draw(self, rng: Rng) -> Params:
        """Draw the record of one pass."""
        blurred = rng.random() < self.blur.p
        noisy = rng.random() < self.noise.p
        quality = self.jpeg_range
        return {
            "blur": self.blur.draw_kernel(rng) if blurred else None,
            "factor": self._factor(rng),
            "interpolation": _interpolation(rng),
            "noise": self.noise.draw_noise(rng) if noisy else None,
            "quality": None if quality is None else int(rng.integers(quality[0], quality[1] + 1)),
        }

    def _factor(self, rng: Rng) -> float:
        low, high = self.resize_range
        total = sum(self.resize_odds)
        way = int(rng.choice(3, p=[odds / total for odds in self.resize_odds]))
        if way == 0 and high > 1.0:
            return float(rng.uniform(max(low, 1.0), high))
        if way == 1 and low < 1.0:
            return float(rng.uniform(low, min(high, 1.0)))
        return 1.0


def _diffbir_second() -> DegradePass:
    return DegradePass(
        blur=DegradeBlur(sigma_range=(0.2, 1.5), p=0.8),
        resize_odds=(0.3, 0.4, 0.3),
        resize_range=(0.3, 1.2),
        noise=DegradeNoise(sigma_range=(1.0, 25.0), poisson_range=(0.05, 2.5)),
    )


class Degrade(Transform):
    """Spoil a good picture as cameras, editors and networks do, to train restoration.

    Two passes, the second after the size of the result; then a ringing kernel and the last
    JPEG, in random order. The good picture becomes the ``target`` of a sample, so that
    ``op(sample)`` is a training pair. The defaults are the published ranges of Real-ESRGAN,
    which DiffBIR's first release took over.

    Args:
        first: the first pass.
        second: the second pass; none for one pass only.
        final_sinc_prob: the chance of the ringing kernel at the end.
        scale: the result is smaller than the target by this factor; at 1 it has its size.

    Raises:
        ShapeError: a mask, boxes or key points with a ``scale`` above 1, or a picture smaller
            than the scale.

    Example:
        >>> from sfumato.core import Sample
        >>> good = Sample(np.full((32, 32, 3), 90, np.uint8))
        >>> pair = Degrade()(good, rng=0)
        >>> pair.fields(), bool((pair.target == 90).all())
        (('image', 'target'), True)

    References:
        X. Wang, L. Xie, C. Dong, Y. Shan. Real-ESRGAN: Training Real-World Blind
        Super-Resolution with Pure Synthetic Data. ICCV Workshops 2021. arXiv:2107.10833
        X. Lin et al. DiffBIR: Towards Blind Image Restoration with Generative Diffusion Prior.
        ECCV 2024. arXiv:2308.15070
    """

    writes = ("image", "target")

    first: DegradePass = DegradePass()
    second: DegradePass | None = _diffbir_second()
    final_sinc_prob: Annotated[float, Between(0.0, 1.0)] = 0.8
    scale: Annotated[int, Between(1, 64)] = 1
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    blind = True
    wants_unit_range = True

    @classmethod
    def single_pass(cls, *, faces: bool = False) -> Degrade:
        """Give the degradation of DiffBIR's paper: one pass, then back to the size.

        Args:
            faces: the ranges for faces instead of those for any picture.
        """
        sigma, shrink, noise, quality = (
            ((0.1, 10.0), 8.0, 20.0, (60, 100)) if faces else ((0.1, 12.0), 12.0, 15.0, (30, 100))
        )
        only = DegradePass(
            blur=DegradeBlur(
                size_range=(41, 41),
                kinds=(0.5, 0.5, 0.0, 0.0, 0.0, 0.0),
                sinc_prob=0.0,
                sigma_range=sigma,
            ),
            resize_odds=(0.0, 1.0, 0.0),
            resize_range=(1.0 / shrink, 1.25 if faces else 1.0),
            noise=DegradeNoise(gaussian_prob=1.0, sigma_range=(0.0, noise), gray_prob=0.0),
            jpeg_range=quality,
        )
        return cls(first=only, second=None, final_sinc_prob=0.0)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        sharp = rng.random() < self.final_sinc_prob
        size = draw_odd(rng, self.first.blur.size_range)
        return {
            "first": self.first.draw(rng),
            "second": None if self.second is None else self.second.draw(rng),
            "sinc": [size, rng.uniform(math.pi / 3.0, math.pi)] if sharp else None,
            "sinc_first": bool(rng.random() < 0.5),
            "interpolation": _interpolation(rng),
        }

    def work(self, targets: Targets, params: Params) -> None:
        targets.settle()
        if self.scale > 1 and (targets.masks or targets.boxes or targets.keypoints):
            raise ShapeError(
                f"Degrade: masks, boxes and key points do not go with scale {self.scale}"
            )
        good = targets.images.get("image")
        if good is not None and type(good) is not list:
            targets.followers["target"] = good.copy()
        targets.change_images(lambda image: self.replay(image, params))
        targets.measure()

    def replay(self, image: Image, record: Params) -> Image:
        """Spoil a picture as a record says that `draw` gave: the same record, the same result."""
        height, width = image.shape[:2]
        if min(height, width) < self.scale:
            raise ShapeError(f"Degrade: {width} x {height} px cannot be {self.scale} times smaller")
        size = (height // self.scale, width // self.scale)
        unit = np.clip(to_unit(image), 0.0, 1.0)
        first, second = record["first"], record["second"]
        unit = _pass(unit, first, (height, width))
        if second is None:
            unit = _resized(unit, size, record["interpolation"])
            return from_unit(_ring(unit, record["sinc"]), image.dtype)
        unit = _pass(unit, second, size, jpeg=False)
        if record["sinc_first"]:
            unit = _ring(_resized(unit, size, record["interpolation"]), record["sinc"])
            unit = _jpeg(unit, second["quality"])
        else:
            unit = _jpeg(unit, second["quality"])
            unit = _ring(_resized(unit, size, record["interpolation"]), record["sinc"])
        return from_unit(np.clip(unit, 0.0, 1.0), image.dtype)


def _interpolation(rng: Rng) -> str:
    return list(INTERPOLATIONS)[int(rng.integers(len(INTERPOLATIONS)))]


def _pass(unit: Image, record: Any, size: tuple[int, int], *, jpeg: bool = True) -> Image:
    """Carry out one pass; its factor is one of the size that the pass begins with."""
    if record["blur"] is not None:
        unit = blur(unit, record["blur"])
    factor = record["factor"]
    to = (max(round(size[0] * factor), 1), max(round(size[1] * factor), 1))
    unit = _resized(unit, to, record["interpolation"])
    if record["noise"] is not None:
        unit = add_noise(unit, record["noise"])
    return _jpeg(unit, record["quality"]) if jpeg else unit


def _resized(unit: Image, size: tuple[int, int], interpolation: str) -> Image:
    if unit.shape[:2] == size:
        return unit
    # OpenCV knows at most four channels here.
    parts = [
        cv2.resize(
            np.ascontiguousarray(unit[..., c : c + 4]),
            (size[1], size[0]),
            interpolation=INTERPOLATIONS[interpolation],
        ).reshape(*size, -1)
        for c in range(0, unit.shape[2], 4)
    ]
    return np.clip(np.concatenate(parts, axis=2) if len(parts) > 1 else parts[0], 0.0, 1.0)  # type: ignore[no-any-return]


def _ring(unit: Image, kernel: Any) -> Image:
    return unit if kernel is None else convolve(unit, sinc(kernel[0], kernel[1]))


def _jpeg(unit: Image, quality: int | None) -> Image:
    """Send a picture through a JPEG file in memory; of other than three channels each alone."""
    if quality is None:
        return unit
    levels = from_unit(unit, np.uint8)
    flags = (cv2.IMWRITE_JPEG_QUALITY, quality)
    if levels.shape[2] == 3:
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(levels, cv2.COLOR_RGB2BGR), flags)
        return to_unit(cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))
    planes = []
    for c in range(levels.shape[2]):
        _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(levels[..., c]), flags)
        planes.append(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))
    return to_unit(np.stack(planes, axis=-1))
