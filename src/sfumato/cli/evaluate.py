"""`sfumato evaluate`: score what was trained, beside doing nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sfumato.cli.inputs import trust_option
from sfumato.cli.train import changes_option

if TYPE_CHECKING:
    from sfumato.data.loader import Loader

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato evaluate runs/denoiser
  sfumato evaluate runs/denoiser/last --config denoise.yaml --set validation.source.images=test
  sfumato evaluate runs/denoiser --metric measure.SSIM --json > scores.json
  sfumato evaluate runs/digits --bits
"""


@click.command("evaluate", epilog=EPILOG)
@click.argument("weights", metavar="WEIGHTS")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="CONFIG.yaml",
    help="Whose validation data and metrics to take; by default those of the training.",
)
@changes_option
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="As a config writes it, such as measure.SSIM; repeatable.",
)
@click.option(
    "--bits",
    is_flag=True,
    help="What the pictures cost under a diffusion of pixels, in bits a value; slow.",
)
@click.option("--device", default="auto", show_default=True, help="As torch calls it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@trust_option
def command(
    *,
    weights: str,
    config: Path | None,
    changes: tuple[str, ...],
    metrics: tuple[str, ...],
    bits: bool,
    device: str,
    as_json: bool,
    trust: tuple[str, ...],
) -> None:
    """Score a trained method on the validation data of its training.

    WEIGHTS is a folder that a training wrote. Where a picture and its target are alike in
    form, the picture as it came is scored too: what the method must beat.
    """
    from sfumato.core.metric import Metric
    from sfumato.core.network import find_weights
    from sfumato.core.spec import from_yaml
    from sfumato.errors import FileError, SpecError
    from sfumato.train.evaluation import evaluate
    from sfumato.train.run import TrainingRun

    folder = find_weights(weights)
    path = config or folder.parent / "training.yaml"
    if not path.exists():
        raise FileError(
            f"{folder}: nothing is known of its validation data", hint="name them with --config"
        )
    run = TrainingRun.read(path, changes=changes, trust=trust)
    if run.validation is None:
        raise SpecError(f"{path}: has no validation data", hint="--config of one that has")
    asked = tuple(from_yaml(name, trust=trust) for name in metrics) or run.metrics
    wrong = next((m for m in asked if not isinstance(m, Metric)), None)
    if wrong is not None:
        raise SpecError(f"--metric: {wrong} is no metric", hint="measure.PSNR is one")
    found = evaluate(folder, run.validation, asked, device=device, trust=trust)
    scores = dict(found.scores)
    if bits:
        scores |= _bits(folder, run.validation, device, trust)
    if as_json:
        click.echo(json.dumps({"scores": scores, "untouched": found.untouched}))
        return
    width = max((len(name) for name in scores), default=0)
    for name, value in scores.items():
        beside = found.untouched.get(name)
        tail = "" if beside is None else f"   (as it came: {beside:.4f})"
        click.echo(f"{name:{width}}  {value:.4f}{tail}")


def _bits(folder: Path, data: Loader, device: str, trust: tuple[str, ...]) -> dict[str, float]:
    from sfumato.cli.progress import showing_count
    from sfumato.core.network import load
    from sfumato.errors import SpecError
    from sfumato.generate.bits_of_pictures import bits_of_pictures
    from sfumato.generate.diffusion import Diffusion
    from sfumato.train.workplace import Workplace

    place = Workplace(device, "fp32").device
    method = load(folder, trust=trust, device=str(place))
    if not isinstance(method, Diffusion):
        raise SpecError(f"--bits: {folder} holds {type(method).__name__}, no diffusion")
    batches = (batch.to(place) for batch in data.once())
    with showing_count(
        "counting bits", math.ceil(len(data.source) / data.batch_size), quiet=False
    ) as advance:
        found = bits_of_pictures(method, batches, advance=advance)
    return {"bits": found.mean, "bits/standard_error": found.standard_error}
