"""Losses of two players: a generator, and a critic that tells its pictures from real ones.

Critics give one number or a map of numbers for each picture; higher means more real.
"""

from __future__ import annotations

from sfumato.core.tensors import Tensor, functional

__all__ = [
    "hinge_critic_loss",
    "hinge_generator_loss",
    "softplus_critic_loss",
    "softplus_generator_loss",
]


def hinge_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Give the critic's loss ``(mean relu(1 - real) + mean relu(1 + fake)) / 2``.

    Shape:
        any shapes; returns a scalar.

    References:
        J. Lim, J. Ye. Geometric GAN. 2017. arXiv:1705.02894
    """
    return (functional.relu(1.0 - real).mean() + functional.relu(1.0 + fake).mean()) / 2


def hinge_generator_loss(fake: Tensor) -> Tensor:
    """Give the generator's loss ``-mean fake``.

    Shape:
        any shape; returns a scalar.
    """
    return -fake.mean()


def softplus_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Give the critic's logistic loss ``mean softplus(-real) + mean softplus(fake)``.

    Shape:
        any shapes; returns a scalar.

    References:
        I. Goodfellow et al. Generative Adversarial Networks. NeurIPS, 2014. arXiv:1406.2661
    """
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def softplus_generator_loss(fake: Tensor) -> Tensor:
    """Give the generator's non-saturating loss ``mean softplus(-fake)``.

    Shape:
        any shape; returns a scalar.
    """
    return functional.softplus(-fake).mean()
