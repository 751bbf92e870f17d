"""`sfumato export`: what was taught here becomes a file that other programs load."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato export runs/control -o edges                       # a folder for diffusers
  sfumato export runs/control -o edges.safetensors --layout original
  sfumato export runs/adapter -o sketch
"""


@click.command("export", epilog=EPILOG)
@click.argument("weights", metavar="WEIGHTS")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder for diffusers, a .safetensors file for the original layout.",
)
@click.option(
    "--layout",
    type=click.Choice(["diffusers", "original"]),
    default="diffusers",
    show_default=True,
    help="That of diffusers, or of the programs that the authors published.",
)
@click.option("--overwrite", is_flag=True, help="Replace what exists.")
def command(*, weights: str, output: Path, layout: str, overwrite: bool) -> None:
    """Write a ControlNet or T2I-Adapter in a published layout.

    WEIGHTS is a folder that `sfumato train` wrote, or the name of weights that come along.
    """
    from typing import Any

    from sfumato.adapt.export_adapter import export_adapter
    from sfumato.core.network import load
    from sfumato.errors import FileError

    if output.exists() and not overwrite:
        raise FileError(
            f"{output}: exists already and is kept",
            hint="choose another name, or replace it with --overwrite",
        )
    chosen: Any = layout
    export_adapter(load(weights), output, chosen)
    click.echo(
        f"{output}: in the layout of {'diffusers' if layout == 'diffusers' else 'its authors'}"
    )
