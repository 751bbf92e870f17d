"""Autoencoders: a picture as a small map of codes, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from sfumato.core.batch import Batch
from sfumato.core.bounds import Between
from sfumato.core.method import Method
from sfumato.core.tensors import Tensor, functional, nn, normal_like, torch
from sfumato.errors import RangeError, ShapeError
from sfumato.generate.patch_critic import PatchCritic
from sfumato.nn.adversarial_losses import hinge_critic_loss, hinge_generator_loss
from sfumato.nn.attention import SelfAttention
from sfumato.nn.convolution import group_norm
from sfumato.nn.gaussian_kl import gaussian_kl
from sfumato.nn.resampling import Upsample
from sfumato.nn.residual import ResidualBlock

__all__ = ["Autoencoder"]

Count = Annotated[int, Between(1, 100_000)]
Weight = Annotated[float, Between(0.0)]
LOG_VARIANCE = (-30.0, 20.0)
STEADY, LOUDEST = 1e-4, 1e4


class _Half(nn.Module):
    """Convolutions that halve the size, without looking beyond the right and lower border."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(functional.pad(x, (0, 1, 0, 1)))
        return y


def _middle(width: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        ResidualBlock(width, width, groups=groups),
        SelfAttention(width, heads=1, groups=groups),
        ResidualBlock(width, width, groups=groups),
    )


def _encoder(widths: list[int], blocks: int, groups: int, channels_in: int, out: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(channels_in, widths[0], 3, padding=1)]
    width = widths[0]
    for level, wide in enumerate(widths):
        for _ in range(blocks):
            layers.append(ResidualBlock(width, wide, groups=groups))
            width = wide
        if level + 1 < len(widths):
            layers.append(_Half(width))
    tail = [group_norm(width, groups), nn.SiLU(), nn.Conv2d(width, out, 3, padding=1)]
    return nn.Sequential(*layers, _middle(width, groups), *tail, nn.Conv2d(out, out, 1))


def _decoder(widths: list[int], blocks: int, groups: int, latents: int, out: int) -> nn.Module:
    width = widths[-1]
    layers: list[nn.Module] = [
        nn.Conv2d(latents, latents, 1),
        nn.Conv2d(latents, width, 3, padding=1),
        _middle(width, groups),
    ]
    for level, wide in reversed(list(enumerate(widths))):
        for _ in range(blocks + 1):
            layers.append(ResidualBlock(width, wide, groups=groups))
            width = wide
        if level > 0:
            layers.append(Upsample(width))
    return nn.Sequential(
        *layers, group_norm(width, groups), nn.SiLU(), nn.Conv2d(width, out, 3, padding=1)
    )


class Autoencoder(Method):
    """Learn to write pictures as small maps of codes, and to read them.

    With ``kl_weight`` above 0 it is variational: the encoder gives mean and log variance of
    each code, and is held a little towards the standard normal distribution, so that the
    codes lie close together. With 0 it is a plain autoencoder.

    The loss is what is missed in absolute value, summed over a picture and weighed by a
    learned uncertainty, plus how different it looks to a network, plus the divergence of the
    codes. A critic of patches may be a second part: it learns to tell pictures from
    readings, and its say is scaled to the rest of the loss at the last layer.

    Args:
        channels_in: of the pictures.
        latents: numbers of a code.
        channels: width of the first level.
        multipliers: width of each level in units of ``channels``; each but the first halves
            the size.
        blocks: residual blocks a level.
        groups: of the group norms.
        kl_weight: of the divergence; 1e-6 is usual, 0 is none.
        perceptual: weights of a perceptual distance as `measure.LPIPS` takes them; None
            leaves it out.
        critic_weight: of the critic; 0 has none.
        critic_after: steps before the critic is heard; 50,000 in the published model.

    Shape:
        pictures (n, channels_in, h, w) in 0..1, sides multiples of ``multiple_of``; codes
        (n, latents, h / multiple_of, w / multiple_of).

    Raises:
        RangeError: no level, or one without width.
        ShapeError: groups do not divide a width.

    References:
        D. Kingma, M. Welling. Auto-Encoding Variational Bayes. ICLR, 2014.
        R. Rombach et al. High-Resolution Image Synthesis with Latent Diffusion Models. CVPR, 2022.

    Example:
        >>> coder = Autoencoder(channels=16, groups=8)
        >>> codes = coder.encode(torch.zeros(1, 3, 32, 32))
        >>> tuple(codes.shape), tuple(coder.decode(codes).shape)
        ((1, 4, 8, 8), (1, 3, 32, 32))
    """

    _example = {"channels": 8, "groups": 4, "multipliers": (1, 2), "blocks": 1}
    elsewhere = ("look",)

    def __init__(
        self,
        *,
        channels_in: Count = 3,
        latents: Count = 4,
        channels: Count = 64,
        multipliers: tuple[int, ...] = (1, 2, 4),
        blocks: Count = 1,
        groups: Count = 32,
        kl_weight: Weight = 1e-6,
        perceptual: str | None = None,
        critic_weight: Weight = 0.0,
        critic_after: Annotated[int, Between(0)] = 0,
    ) -> None:
        super().__init__()
        if not multipliers or min(multipliers) < 1:
            raise RangeError(
                f"Autoencoder.multipliers: expected numbers of 1 or more, got {multipliers}"
            )
        widths = [channels * m for m in multipliers]
        self.latents, self.kl_weight = latents, kl_weight
        out = 2 * latents if kl_weight > 0 else latents
        self.encoder = _encoder(widths, blocks, groups, channels_in, out)
        self.decoder = _decoder(widths, blocks, groups, latents, channels_in)
        self.multiple_of = 2 ** (len(multipliers) - 1)
        self.uncertainty = nn.Parameter(torch.zeros(()))
        self.critic_weight, self.critic_after = critic_weight, critic_after
        self.critic = PatchCritic(channels_in) if critic_weight > 0 else None
        self.look = None if perceptual is None else _perceptual(perceptual)

    def parts(self) -> Mapping[str, Iterable[nn.Parameter]]:
        """The coder; the critic."""
        coder = [*self.encoder.parameters(), *self.decoder.parameters(), self.uncertainty]
        if self.critic is None:
            return {"coder": coder}
        return {"coder": coder, "critic": list(self.critic.parameters())}

    def distribution(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        """Give mean and log variance of the codes; a plain autoencoder has no variance.

        Raises:
            ShapeError: sides that cannot be halved often enough.
        """
        if pictures.shape[-1] % self.multiple_of or pictures.shape[-2] % self.multiple_of:
            raise ShapeError(
                f"Autoencoder: sides must be multiples of {self.multiple_of}, "
                f"got {tuple(pictures.shape[-2:])}"
            )
        found: Tensor = self.encoder((2.0 * pictures - 1.0).to(self.uncertainty.dtype))
        if self.kl_weight == 0:
            return found, None
        mean, log_variance = found.chunk(2, dim=1)
        return mean, log_variance.clamp(*LOG_VARIANCE)

    def encode(self, pictures: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Give codes: their mean, or with ``rng`` a draw from their distribution."""
        mean, log_variance = self.distribution(pictures)
        if log_variance is None or rng is None:
            return mean
        return mean + torch.exp(0.5 * log_variance) * normal_like(mean, rng)

    def decode(self, codes: Tensor) -> Tensor:
        """Give pictures, a little beyond 0..1 where the decoder misses."""
        read: Tensor = self.decoder(codes.to(self.uncertainty.dtype))
        return (read + 1.0) / 2.0

    def predict(self, batch: Batch, *, rng: torch.Generator | None = None) -> Batch:
        """Encode and decode pictures; codes are their means."""
        return batch.but(image=self.decode(self.encode(batch.image)).clamp(0.0, 1.0))

    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        """Give the terms of the coder, or of the critic."""
        real = batch.image if batch.target is None else batch.target
        if part == "critic":
            return self._critic_loss(real, rng)
        mean, log_variance = self.distribution(real)
        codes = mean
        terms: dict[str, Tensor] = {}
        if log_variance is not None:
            codes = mean + torch.exp(0.5 * log_variance) * normal_like(mean, rng)
            terms["kl"] = self.kl_weight * gaussian_kl(mean.float(), log_variance.float())
        read = self.decode(codes).float()
        # In the published scale pictures reach from -1 to 1.
        missed = 2.0 * (real - read).abs()
        if self.look is not None:
            looks = self.look(2.0 * read - 1.0, 2.0 * real - 1.0)
            missed = missed + looks.reshape(-1, 1, 1, 1)
        likelihood = missed / torch.exp(self.uncertainty) + self.uncertainty
        terms["missed"] = likelihood.sum() / len(real)
        if self.critic is not None and self.step >= self.critic_after:
            with _frozen(self.critic):
                fooled = hinge_generator_loss(self.critic(2.0 * read - 1.0))
            terms["fooled"] = self.critic_weight * self._scale(terms["missed"], fooled) * fooled
        return terms

    def _critic_loss(self, real: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        assert self.critic is not None, "there is such a part only with a critic"
        with torch.no_grad():
            read = self.decode(self.encode(real, rng))
        judged = self.critic(2.0 * real - 1.0), self.critic(2.0 * read - 1.0)
        heard = 1.0 if self.step >= self.critic_after else 0.0
        return {"critic": heard * hinge_critic_loss(*judged)}

    def _scale(self, missed: Tensor, fooled: Tensor) -> Tensor:
        """Make the critic's gradient at the last layer as long as that of the rest."""
        last = self.decoder[-1].weight  # type: ignore[index]
        if not (torch.is_grad_enabled() and fooled.requires_grad):
            return torch.ones_like(fooled)
        own, other = (
            torch.autograd.grad(term, last, retain_graph=True)[0].norm()
            for term in (missed, fooled)
        )
        scale: Tensor = (own / (other + STEADY)).clamp(0.0, LOUDEST)
        return scale


@contextlib.contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients pass through a module, and none stay in it."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _perceptual(weights: str) -> nn.Module:
    from sfumato.measure._lpips_trunks import build  # noqa: PLC0415 (with weights only)

    return build("vgg", weights, None).requires_grad_(False).eval()
