"""Options of every command that lets a generator paint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sfumato.cli.inputs import seed_option

__all__ = ["place_options", "sampling_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


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
    seed = seed_option("Of the noise: another seed, another picture.")
    return seed(steps(guidance(command)))


def place_options(command: Command) -> Command:
    """Add where a generator paints, and in which numbers."""
    device = click.option(
        "--device",
        default="cpu",
        show_default=True,
        help="Where to compute; a seed means the same picture everywhere.",
    )
    dtype = click.option(
        "--dtype",
        type=click.Choice(["float32", "float16", "bfloat16"]),
        default="float32",
        show_default=True,
        help="Of the numbers in a published checkpoint.",
    )
    return device(dtype(command))
