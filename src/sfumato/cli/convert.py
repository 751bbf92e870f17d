"""`sfumato convert`: published weights become a folder that sfumato loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sfumato.cli.inputs import read_settings, trust_option
from sfumato.cli.outputs import output_option

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato convert segment.UNet unet.pth -o weights/unet --set classes=2 --set channels_in=1
  sfumato convert generate.UNet cifar10.pt -o weights/cifar10 --set heads=4
  sfumato convert adapt.FeaturePyramid t2iadapter_sketch.pth -o weights/sketch
  sfumato convert adapt.StableControl control_sd15_canny.pth -o weights/canny --set base=sd15
  sfumato convert color.AdaptiveLUT LUTs.pth -o weights/lut --set predictor=classifier.pth
  sfumato convert segment.UNet checkpoint.pth -o weights/unet --entry state_dict
"""


@click.command("convert", epilog=EPILOG)
@click.argument("name", metavar="ROOM.CLASS")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@output_option("DIR", "The folder to write: config.yaml, weights.safetensors, card.md.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the class that the weights do not tell; repeatable.",
)
@click.option("--entry", help="Where in the file the weights are: params, state_dict.")
@click.option("--half", is_flag=True, help="Store 16 bits, half of the bytes.")
@click.option("--overwrite", is_flag=True, help="Replace what exists.")
@trust_option
def command(
    *,
    name: str,
    file: Path,
    output: Path,
    changes: tuple[str, ...],
    entry: str | None,
    half: bool,
    overwrite: bool,
    trust: tuple[str, ...],
) -> None:
    """Turn published weights into a folder that sfumato loads.

    FILE is .safetensors, or a .pth that holds tensors only; no code in it is run. Every
    entry must have its place and every place its entry.
    """
    from sfumato.core.network import Network
    from sfumato.core.spec import look_up
    from sfumato.errors import FileError, SpecError

    if not file.is_file():
        raise FileError(f"{file}: there is no such file", hint="check the name")
    if output.exists() and not overwrite:
        raise FileError(
            f"{output}: exists already and is kept",
            hint="choose another folder, or replace it with --overwrite",
        )
    cls: Any = look_up(name, trust)
    if not issubclass(cls, Network):
        raise SpecError(f"{name} holds no weights", hint="segment.UNet does")
    network = cls.from_published(file, entry=entry, **read_settings(changes))
    network.save(
        output, card=f"Converted from {file.name}.", dtype="float16" if half else "float32"
    )
    click.echo(f"{output}: {name} with {network.parameter_count:,} parameters")
