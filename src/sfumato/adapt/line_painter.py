"""A diffusion that was taught to follow lines, and paints small pictures for drawings."""

from __future__ import annotations

import functools
import logging
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.core.spec import Configured
from sfumato.errors import SpecError
from sfumato.raster.resize import resize_image

if TYPE_CHECKING:
    from sfumato.adapt.hint_adapter import HintAdapter
    from sfumato.generate.diffusion import Diffusion

__all__ = ["LinePainter"]

log = logging.getLogger(__name__)

USUAL_SIDE_PX = 64


class LinePainter(Configured):
    """A diffusion, and the adapter that steers it by lines; loaded when first used, and kept.

    Args:
        weights: of the adapter (`ControlNet` or `T2IAdapter`), that reads lines as white on
            black: a name that comes with sfumato, a folder, or ``hub:owner/name``; with
            ``base`` also a published one.
        base: the diffusion that the adapter shall steer, see `generate.find_diffusion`; None
            takes the one that it was taught to.
        device: where to compute, as torch calls it.
        dtype: of the numbers in a published base.

    Raises:
        FileError: when first used, there are no such weights.
        SpecError: when first used, they are no adapter, or one of another base.
        MissingExtraError: when first used, torch is not installed.
    """

    weights: str
    base: str | None = None
    device: str = "cpu"
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"

    _example = {"weights": "scenes-lines"}

    @functools.cached_property
    def _networks(self) -> tuple[Diffusion, HintAdapter]:
        from sfumato.adapt.adapter_method import AdapterMethod  # noqa: PLC0415 (torch comes in)
        from sfumato.adapt.controls import find_adapter  # noqa: PLC0415
        from sfumato.core.network import load  # noqa: PLC0415
        from sfumato.generate.find_diffusion import find_diffusion  # noqa: PLC0415

        if self.base is not None:
            steered = find_diffusion(self.base, device=self.device, dtype=self.dtype)
            return steered, find_adapter(self.weights, steered, self.base).to(steered.device)
        method = load(self.weights, device=self.device)
        if not isinstance(method, AdapterMethod):
            raise SpecError(
                f"LinePainter.weights: {self.weights} holds {type(method).__name__}, no adapter",
                hint="name what 'sfumato train' made of ControlNet or T2IAdapter for lines",
            )
        return method.base, method.adapter

    def __getstate__(self) -> dict[str, Any]:
        """Leave the networks at home: another process loads its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_networks"}

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
        from sfumato.adapt.steer import Steer  # noqa: PLC0415 (torch comes in)
        from sfumato.core.tensors import torch  # noqa: PLC0415
        from sfumato.generate.find_diffusion import (  # noqa: PLC0415
            picture_size,
            usual_guidance,
        )

        base, adapter = self._networks
        side = side_px or max(picture_size(base) or (USUAL_SIDE_PX,))
        multiple = math.lcm(base.multiple_of, adapter.multiple_of)
        small = torch.from_numpy(_small_hint(ink, side, multiple))[None, None]
        hint = small.expand(1, adapter.hint_channels, -1, -1).to(base.device)
        words: Any = base.text  # of published ones there is no unknown word
        unknown = words.unknown(prompt) if hasattr(words, "unknown") else []
        if unknown:
            log.warning("the generator was never taught the words: %s", ", ".join(unknown[:8]))
        if base.text is None or not prompt:
            guidance = 1.0
        elif guidance is None:
            guidance = usual_guidance(base)
        with torch.no_grad():
            made = base.generate(
                prompt,
                size=(hint.shape[2], hint.shape[3]),
                seed=seed,
                steps=steps,
                guidance=guidance,
                adapters=[(Steer(adapter, hint), 1.0)],
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
