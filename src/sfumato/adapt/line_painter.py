"""A diffusion that was taught to follow lines, and paints small pictures for drawings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.adapt.adapter_method import AdapterMethod
from sfumato.adapt.controls import find_adapter
from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.adapt.steer import Steer
from sfumato.core.network import load
from sfumato.core.opencv import cv2
from sfumato.core.tensors import torch
from sfumato.errors import SpecError
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.find_diffusion import find_diffusion, picture_size, usual_guidance
from sfumato.raster.resize import resize_image

__all__ = ["LinePainter"]

USUAL_SIDE_PX = 64


@dataclass(frozen=True, eq=False)
class LinePainter:
    """A diffusion and what steers it by lines.

    Args:
        base: the diffusion.
        adapter: reads lines, white on black.
    """

    base: Diffusion
    adapter: HintAdapter

    @classmethod
    def find(
        cls,
        weights: str,
        base: str | None,
        *,
        device: str,
        dtype: Literal["float32", "float16", "bfloat16"],
    ) -> LinePainter:
        """Load a painter.

        Args:
            weights: of the adapter.
            base: what it shall steer; None takes what it was taught to.
            device: where to compute.
            dtype: of the numbers in a published base.

        Raises:
            FileError: there are no such weights.
            SpecError: they are no adapter, or one of another base.
        """
        if base is not None:
            steered = find_diffusion(base, device=device, dtype=dtype)
            return cls(steered, find_adapter(weights, steered, base).to(steered.device))
        method = load(weights, device=device)
        if not isinstance(method, AdapterMethod):
            raise SpecError(
                f"ColorizeLines.weights: {weights} holds {type(method).__name__}, no adapter",
                hint="name what 'sfumato train' made of ControlNet or T2IAdapter for lines",
            )
        return cls(method.base, method.adapter)

    def paint(
        self,
        ink: NDArray[np.float32],
        prompt: str,
        *,
        side_px: int | None,
        steps: int,
        guidance: float | None,
        seed: int,
    ) -> NDArray[np.float32]:
        """Paint a drawing, and give the picture at the size of the drawing.

        Args:
            ink: (h, w), 1 where lines are.
            prompt: what the picture shows.
            side_px: long side of what is painted; None for that of what the base was taught.
            steps: how often the base is asked.
            guidance: how strongly the prompt is followed; None as is usual for the base.
            seed: of the noise.

        Shape:
            returns (h, w, 3), 0..1.
        """
        side = side_px or max(picture_size(self.base) or (USUAL_SIDE_PX,))
        multiple = math.lcm(self.base.multiple_of, self.adapter.multiple_of)
        small = torch.from_numpy(_small_hint(ink, side, multiple))[None, None]
        hint = small.expand(1, self.adapter.hint_channels, -1, -1).to(self.base.device)
        if self.base.text is None or not prompt:
            guidance = 1.0
        elif guidance is None:
            guidance = usual_guidance(self.base)
        with torch.no_grad():
            made = self.base.generate(
                prompt,
                size=(hint.shape[2], hint.shape[3]),
                seed=seed,
                steps=steps,
                guidance=guidance,
                adapters=[(Steer(self.adapter, hint), 1.0)],
            )
        shown = made.image[0].permute(1, 2, 0).float().cpu().numpy()
        return resize_image(np.ascontiguousarray(shown), ink.shape)


def _small_hint(ink: NDArray[np.float32], side_px: int, multiple: int) -> NDArray[np.float32]:
    """Bring lines to the size that is painted; thin ones stay visible."""
    height, width = ink.shape
    scale = side_px / max(height, width)
    size = tuple(max(multiple, round(scale * n / multiple) * multiple) for n in (height, width))
    # A line of less than a small pixel would fade: first as thick as one.
    thick = max(1, math.floor(1.0 / scale))
    wide = cv2.dilate(ink, np.ones((thick, thick), np.uint8)) if thick > 1 else ink
    return resize_image(np.ascontiguousarray(wide[..., None]), (size[0], size[1]))[..., 0]
