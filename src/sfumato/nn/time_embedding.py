"""Tell a network the time, or the strength of noise."""

from __future__ import annotations

import math

from sfumato.core.tensors import Tensor, functional, nn, torch
from sfumato.errors import ShapeError

__all__ = ["TimeEmbedding", "sinusoidal_embedding"]


def sinusoidal_embedding(times: Tensor, length: int, *, longest: float = 10_000.0) -> Tensor:
    """Write times as cosines and sines of geometrically falling frequencies.

    Element i of the first half is ``cos(t longest^(-i / half))``, the second half has the sines;
    an odd length ends in a zero.

    Args:
        times: any real numbers, whole or not.
        length: of a code.
        longest: ratio of the highest to the lowest frequency, nearly.

    Shape:
        ``times`` (n,); returns float32 (n, length).

    Raises:
        ShapeError: the times are not (n,), or the length is below 2.
    """
    if times.ndim != 1 or length < 2:
        raise ShapeError(
            f"sinusoidal_embedding: expected times (n,) and a length of 2 at least, "
            f"got {tuple(times.shape)} and {length}"
        )
    half = length // 2
    steps = torch.arange(half, dtype=torch.float32, device=times.device)
    angles = times.float()[:, None] * torch.exp(-math.log(longest) / half * steps)[None]
    code = torch.cat([angles.cos(), angles.sin()], dim=1)
    return functional.pad(code, (0, length % 2))


class TimeEmbedding(nn.Module):
    """The sinusoidal code of a time, sent through two linear layers with a SiLU between.

    Args:
        length: of the sinusoidal code.
        width: of the answer, and of the layer between.

    Shape:
        (n,) to (n, width).

    References:
        J. Ho, A. Jain, P. Abbeel. Denoising Diffusion Probabilistic Models. NeurIPS, 2020.
        arXiv:2006.11239
    """

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.length = length
        self.first = nn.Linear(length, width)
        self.second = nn.Linear(width, width)

    def forward(self, times: Tensor) -> Tensor:
        """Give the code of each time."""
        code = sinusoidal_embedding(times, self.length).to(self.first.weight.dtype)
        y: Tensor = self.second(functional.silu(self.first(code)))
        return y
