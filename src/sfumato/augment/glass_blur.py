"""Blur a picture as frosted glass does."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from sfumato.augment._chance import STRIDE, draw_seed, stirred
from sfumato.augment._kernels import gaussian_blur
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["GlassBlur"]


class GlassBlur(PixelTransform):
    """Blur a picture as frosted glass does: blurred, pixels exchanged nearby, blurred again.

    Args:
        sigma: deviation of the Gaussian in pixels.
        max_delta: pixels are exchanged with others less than this far off, or just as far up
            and left.
        iterations: how often all pixels are exchanged.
        mode: ``exact`` exchanges one pixel after the other; ``fast`` lets all take the value of
            their partner at once.

    Example:
        >>> GlassBlur(p=1)(np.full((16, 16, 3), 9, np.uint8)).max()
        np.uint8(9)

    References:
        D. Hendrycks, T. Dietterich. Benchmarking Neural Network Robustness to Common
        Corruptions and Perturbations. ICLR 2019. arXiv:1903.12261
    """

    sigma: Annotated[float, Between(0.0, 100.0)] = 0.7
    max_delta: Annotated[int, Between(1, 1000)] = 4
    iterations: Annotated[int, Between(1, 100)] = 2
    mode: Literal["fast", "exact"] = "fast"

    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"seed": draw_seed(rng)}

    def change_image(self, image: Image, params: Params) -> Image:
        blurred = self._blurred(image)
        work = np.array(blurred, order="C")
        source = work.copy()
        for k in range(self.iterations):
            seed = np.uint64(params["seed"] + k)
            if self.mode == "exact":
                _exchange(work, self.max_delta, seed)
            else:
                np.copyto(source, work)
                _take(source, work, self.max_delta, seed)
        return self._blurred(work)

    def _blurred(self, image: Image) -> Image:
        # OpenCV chooses the size by the deviation.
        return gaussian_blur(image, 0, self.sigma) if self.sigma > 0.0 else image


@compiled
def _exchange(image: Any, reach: int, seed: Any) -> None:
    height, width, channels = image.shape
    state = stirred(seed + STRIDE)
    span = np.uint64(2 * reach)
    for y in range(height - reach - 1, reach - 1, -1):
        for x in range(width - reach - 1, reach - 1, -1):
            state += STRIDE
            bits = stirred(state)
            down = int((bits & np.uint64(0xFFFFFFFF)) % span) - reach
            right = int((bits >> np.uint64(32)) % span) - reach
            for c in range(channels):
                held = image[y, x, c]
                image[y, x, c] = image[y + down, x + right, c]
                image[y + down, x + right, c] = held


@compiled
def _take(source: Any, out: Any, reach: int, seed: Any) -> None:
    height, width, channels = source.shape
    state = stirred(seed + STRIDE)
    span = np.uint64(2 * reach)
    for y in range(reach, height - reach):
        for x in range(reach, width - reach):
            state += STRIDE
            bits = stirred(state)
            down = int(((bits & np.uint64(0xFFFFFFFF)) * span) >> np.uint64(32)) - reach
            right = int(((bits >> np.uint64(32)) * span) >> np.uint64(32)) - reach
            for c in range(channels):
                out[y, x, c] = source[y + down, x + right, c]
