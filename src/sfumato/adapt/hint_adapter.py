"""What an adapter is: a small network that tells a frozen U-Net what a hint shows."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from sfumato.core.network import Network
from sfumato.core.tensors import Tensor
from sfumato.errors import ShapeError
from sfumato.generate.asked import Asked
from sfumato.generate.residuals import Residuals

__all__ = ["HintAdapter"]


class HintAdapter(Network):
    """Turn a hint into features that are added inside a U-Net.

    Class attributes of a subclass:

    - ``once``: the features do not depend on the noisy picture or the time, so a sampler
      asks for them once a picture and not once a step.
    """

    once: ClassVar[bool] = False
    hint_channels: int
    reduction: int
    """How many pixels of the hint lie along one side of a pixel of the U-Net's first level."""

    @abstractmethod
    def forward(self, hint: Tensor, asked: Asked) -> Residuals:
        """Give the features.

        Args:
            hint: (n, hint_channels, h, w), values in 0..1.
            asked: what the U-Net is asked: noisy pictures ``x``, (n, c, h / reduction,
                w / reduction), their ``times``, and the ``condition``.
        """

    def check_hint(self, hint: Tensor, x: Tensor) -> None:
        """Refuse a hint that does not belong to these pictures.

        Raises:
            ShapeError: another number of channels, or another size.
        """
        who = type(self).__name__
        if hint.shape[1] != self.hint_channels:
            raise ShapeError(
                f"{who}: the hint has {hint.shape[1]} channels, "
                f"this adapter was made for {self.hint_channels}",
                hint="drawings have 1 channel, colored hints 3",
            )
        wanted = (x.shape[-2] * self.reduction, x.shape[-1] * self.reduction)
        if tuple(hint.shape[-2:]) != wanted:
            raise ShapeError(
                f"{who}: the hint is {hint.shape[-2]} x {hint.shape[-1]}, "
                f"the picture {wanted[0]} x {wanted[1]}",
                hint="resize the hint to the picture, or ask for it to be resized",
            )
