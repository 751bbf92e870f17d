"""The U-Net that denoises: steered by time, class, text and adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from sfumato.core.bounds import Between
from sfumato.core.network import Network
from sfumato.core.tensors import Tensor
from sfumato.errors import RangeError, ShapeError, SpecError
from sfumato.generate.residuals import Residuals
from sfumato.generate.unet_parts import Plan, UNetDecoder, UNetEncoder, added

__all__ = ["UNet"]

Count = Annotated[int, Between(1, 100_000)]


class UNet(Network):
    """Look at a noisy picture at several sizes, and answer in its size.

    The encoder halves the size from level to level and hands every feature over to
    the decoder, which doubles it again. Residual blocks are steered by the time (and
    the class), attention looks at the whole map (and at the text).

    ``encoder`` and ``decoder`` are its two halves. A ControlNet copies the first
    (see `sfumato.generate.unet_parts.UNetEncoder` for the widths that adapters
    must produce).

    Args:
        channels_in: of the noisy picture.
        channels_out: of the answer; twice the picture's with a learned variance; None
            as many as come in.
        channels: width of the first level.
        multipliers: width of each level in units of ``channels``.
        blocks: residual blocks a level of the encoder; the decoder has one more.
        attention_at: at which reductions (1, 2, 4, ...) it attends; in the middle it does.
        heads: attention heads.
        head_width: width of a head, in place of their number.
        classes: how many classes there are.
        context: length of the tokens of a text.
        steered: how time and class steer: scale and shift, or addition.
        resample_blocks: residual blocks halve and double, in place of convolutions.
        dropout: in residual blocks, while learning.
        groups: of all group norms; must divide every width.

    Shape:
        x (n, channels_in, h, w), sides multiples of ``multiple_of``; times (n,);
        label (n,) integers; context (n, t, context). Returns (n, channels_out, h, w).

    Raises:
        ShapeError: groups or heads do not divide a width; or, when called, a side
            that cannot be halved often enough, and residuals of another U-Net.
        FieldError: when called, labels or text are missing or not expected.

    References:
        A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML, 2021.
        P. Dhariwal, A. Nichol. Diffusion Models Beat GANs on Image Synthesis. NeurIPS, 2021.
        R. Rombach et al. High-Resolution Image Synthesis with Latent Diffusion Models. CVPR, 2022.

    Example:
        >>> import torch
        >>> net = UNet(channels=32, multipliers=(1, 2), blocks=1, attention_at=(2,))
        >>> tuple(net(torch.zeros(2, 3, 8, 8), torch.tensor([0, 500])).shape)
        (2, 3, 8, 8)
    """

    _example = {"channels": 16, "multipliers": (1, 2), "blocks": 1, "groups": 8}

    def __init__(
        self,
        *,
        channels_in: Count = 3,
        channels_out: Count | None = None,
        channels: Count = 128,
        multipliers: tuple[int, ...] = (1, 2, 2, 2),
        blocks: Count = 2,
        attention_at: tuple[int, ...] = (2, 4),
        heads: Count = 4,
        head_width: Count | None = None,
        classes: Count | None = None,
        context: Count | None = None,
        steered: Literal["scale", "add"] = "scale",
        resample_blocks: bool = False,
        dropout: Annotated[float, Between(0.0, 0.99)] = 0.0,
        groups: Count = 32,
    ) -> None:
        super().__init__()
        if not multipliers or min(multipliers) < 1:
            raise RangeError(f"UNet.multipliers: expected numbers of 1 or more, got {multipliers}")
        plan = Plan(
            widths=tuple(channels * m for m in multipliers),
            blocks=blocks,
            attention_at=attention_at,
            heads=heads,
            head_width=head_width,
            condition=4 * channels,
            context=context,
            steered=steered,
            resample_blocks=resample_blocks,
            dropout=dropout,
            groups=groups,
        )
        self.multiple_of = 2 ** (len(multipliers) - 1)
        self.encoder = UNetEncoder(channels_in, channels, plan, classes)
        self.decoder = UNetDecoder(plan, self.encoder.skip_channels, channels_out or channels_in)

    @classmethod
    def from_published(cls, file: str | Path, *, entry: str | None = None, **settings: Any) -> Self:
        """See `sfumato.generate.load_improved_diffusion`; ``heads`` or ``head_width`` are told."""
        from sfumato.generate.improved_diffusion import (  # noqa: PLC0415 (it builds this)
            load_improved_diffusion,
        )

        strangers = sorted(set(settings) - {"heads", "head_width"})
        if entry is not None or strangers:
            what = strangers[0] if strangers else "entry"
            raise SpecError(
                f"generate.UNet: published weights tell '{what}' themselves",
                hint="only heads and head_width leave no trace in them",
            )
        found: Any = load_improved_diffusion(file, **settings)
        return found  # type: ignore[no-any-return]

    def forward(
        self,
        x: Tensor,
        times: Tensor,
        *,
        label: Tensor | None = None,
        context: Tensor | None = None,
        residuals: Residuals | None = None,
    ) -> Tensor:
        """Answer noisy pictures.

        Args:
            x: noisy pictures.
            times: what tells the noise, usually 0 to 1000, whole or not.
            label: classes.
            context: text.
            residuals: what adapters say.
        """
        if any(side % self.multiple_of or side == 0 for side in x.shape[-2:]):
            raise ShapeError(
                f"UNet: sides must be multiples of {self.multiple_of}, got {tuple(x.shape[-2:])}",
                hint="sfumato.core.any_size.predict pads and crops",
            )
        given = residuals or Residuals()
        condition = self.encoder.condition(times, label)
        skips, middle = self.encoder(x, condition, context, levels=given.levels)
        if given.down and len(given.down) != len(skips):
            raise ShapeError(
                f"this U-Net has {len(skips)} skips, the adapter gave {len(given.down)}",
                hint="an adapter fits the U-Net that it was made from",
            )
        if given.down:
            skips = [added(skip, more) for skip, more in zip(skips, given.down, strict=True)]
        if given.middle is not None:
            middle = added(middle, given.middle)
        answer: Tensor = self.decoder(middle, skips, condition, context)
        return answer
