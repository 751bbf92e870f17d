"""Options of every command that lets a generator paint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["sampling_options", "seed_option"]

Command = TypeVar("Command", bound=Callable[..., Any])
LARGEST_SEED = 2**63 - 1


def seed_option(about: str) -> Callable[[Command], Command]:
    """Add a seed: a whole number from 0 on."""
    return click.option(
        "--seed",
        type=click.IntRange(0, LARGEST_SEED),
        metavar="N",
        default=0,
        show_default=True,
        help=about,
    )


def sampling_options(command: Command) -> Command:
    """Add how a generator goes from noise to picture, and from which noise."""
    steps = click.option(
        "--steps", type=int, default=30, show_default=True, help="How often the network is asked."
    )
    guidance = click.option(
        "--guidance",
        type=float,
        help="How strongly the prompt is followed; 3, and 5 to 7.5 of published checkpoints.",
    )
    seed = seed_option("Of the noise; each further picture has one more.")
    return seed(steps(guidance(command)))
