"""`sfumato augment`: many variants of some pictures, by a written recipe."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sfumato.cli.inputs import check_frames, frames_argument, seed_option, trust_option
from sfumato.cli.outputs import (
    check_folder,
    output_option,
    refuse_inputs,
    run_options,
    write_picture,
)
from sfumato.cli.progress import say, showing_count

if TYPE_CHECKING:
    from sfumato.core.operator import Operator
    from sfumato.core.sample import Sample

__all__ = ["command"]

MASKS = "masks"
PREVIEW = "preview.png"
MOST_ROWS = 12
"""Pictures on a contact sheet; more could not be told apart."""
CELL_PX = 256

EPILOG = """\b
Examples:
  sfumato augment recipe.yaml photo.jpg -o variants --count 20
  sfumato augment recipe.json train/*.png -o more --masks labels --count 5 --seed 3
  sfumato augment recipe.yaml train/*.jpg -o look --count 6 --preview

\b
A recipe is what A.save or compose.save wrote (import sfumato.augment as A), a file
that albumentations saved, or a list of operators as for sfumato run:
  - augment.RandomResizedCrop: {size: [256, 256]}
  - augment.HorizontalFlip
  - augment.ColorJitter: {p: 0.8}

What is drawn for a variant follows from the seed, the name of the picture and the
number of the variant alone, so more pictures or variants leave the others as they were.
"""


class Job(NamedTuple):
    """One variant to be made."""

    picture: Path
    number: int
    output: Path
    mask_output: Path | None


class Work(NamedTuple):
    """What all variants share."""

    operator: Operator
    seed: int
    output: Path
    labels: dict[Path, Path]
    replace: bool
    quiet: bool


@click.command("augment", epilog=EPILOG)
@click.argument("recipe", type=click.Path(path_type=Path))
@frames_argument
@output_option("DIR", "Gets NAME-1, NAME-2, ... of each picture.")
@click.option("--count", type=int, default=1, show_default=True, help="Variants of each picture.")
@click.option(
    "--masks",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Label maps NAME.png that follow their pictures; written to DIR/masks of the output.",
)
@click.option(
    "--format",
    "ending",
    type=click.Choice(["png", "jpg", "webp", "tif"]),
    help="Of the variants; by default that of the picture.",
)
@click.option("--preview", is_flag=True, help="Write one contact sheet, preview.png, and no more.")
@click.option("--resume", is_flag=True, help="Keep what exists and make what is missing.")
@trust_option
@seed_option("Of all that is random.")
@run_options
def command(
    *,
    recipe: Path,
    frames: tuple[Path, ...],
    output: Path,
    count: int,
    masks: Path | None,
    ending: str | None,
    preview: bool,
    resume: bool,
    trust: tuple[str, ...],
    seed: int,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Make variants of pictures by chance, to teach with.

    RECIPE says what may happen to each FRAME; its mask, if there is one, follows.
    """
    from sfumato.errors import RangeError

    if count < 1:
        raise RangeError(f"--count: {count} is below 1")
    if resume and (overwrite or preview):
        raise click.UsageError(
            "--resume keeps what exists: leave --overwrite and --preview out",
            click.get_current_context(),
        )
    check_frames((recipe,))
    check_frames(frames)
    labels = _labels_of(frames, masks)
    jobs = _jobs(frames, output, count, ending, with_masks=masks is not None)
    files = [job.output for job in jobs] + [job.mask_output for job in jobs if job.mask_output]
    names = (PREVIEW,) if preview else tuple(str(f.relative_to(output)) for f in files)
    check_folder(output, names, overwrite=overwrite or resume)
    for file in names:
        refuse_inputs(output / file, (recipe, *frames, *labels.values()))
    work = Work(_load(recipe, trust), seed, output, labels, overwrite or resume, quiet)
    line = _write_preview(work, jobs) if preview else _write_all(work, jobs, resume=resume)
    say([line], quiet=quiet)


def _load(recipe: Path, trust: tuple[str, ...]) -> Operator:
    """Read a recipe of the house, or what `augment.save` or albumentations wrote."""
    from sfumato.core.files import read_text
    from sfumato.core.operator import Operator
    from sfumato.core.pipeline import Pipeline
    from sfumato.errors import SpecError

    if "__class_fullname__" not in read_text(recipe):
        pipeline = Pipeline.load(recipe, trust=trust)
        # One step gets the stream itself, so both forms of a file give the same pictures.
        return pipeline.steps[0] if len(pipeline.steps) == 1 else pipeline
    from sfumato.augment.compose import Compose
    from sfumato.augment.serialization import load

    try:
        read = load(recipe, "json" if recipe.suffix.lower() == ".json" else "yaml")
    except SpecError as error:
        raise SpecError(f"{recipe}: {error.message}", hint=error.hint) from error
    return read if isinstance(read, Operator) else Compose(transforms=(read,))


def _labels_of(frames: tuple[Path, ...], masks: Path | None) -> dict[Path, Path]:
    """Find the label map of every picture, by its name."""
    from sfumato.errors import FileError

    if masks is None:
        return {}
    if not masks.is_dir():
        raise FileError(f"{masks}: there is no such folder", hint="--masks names a folder")
    labels = {path: masks / f"{path.stem}.png" for path in frames}
    missing = [path for path in labels.values() if not path.is_file()]
    if missing:
        raise FileError(
            f"{missing[0]}: there is no such file, "
            f"{len(missing)} of {len(frames)} masks are missing",
            hint="a mask is called as its picture, NAME.png",
        )
    return labels


def _jobs(
    frames: tuple[Path, ...], output: Path, count: int, ending: str | None, *, with_masks: bool
) -> list[Job]:
    """Name every variant."""
    from sfumato.errors import FileError
    from sfumato.io.formats import ENDINGS

    jobs, seen = [], set()
    for path in frames:
        own = path.suffix if path.suffix.lower() in ENDINGS else ".png"
        suffix = own if ending is None else f".{ending}"
        for k in range(1, count + 1):
            name = f"{path.stem}-{k}"
            if name in seen:
                raise FileError(
                    f"{path}: two pictures would both give {name}",
                    hint="put their variants into two folders",
                )
            seen.add(name)
            mask = output / MASKS / f"{name}.png" if with_masks else None
            jobs.append(Job(path, k, output / f"{name}{suffix}", mask))
    return jobs


def _read(path: Path, labels: dict[Path, Path]) -> Sample:
    from sfumato.errors import ShapeError
    from sfumato.io.picture import read

    sample = read(path)
    if path not in labels:
        return sample
    from sfumato.measure.label_file import read_labels

    mask = read_labels(labels[path])
    if mask.shape != sample.size:
        (rows, columns), (height, width) = mask.shape, sample.size
        raise ShapeError(
            f"{labels[path]}: is {columns} x {rows} px, its picture {path} {width} x {height} px"
        )
    return sample.but(mask=mask)


def _vary(work: Work, sample: Sample, job: Job) -> Sample:
    """Make one variant; its stream follows from the seed, the name and the number."""
    import numpy as np

    from sfumato.errors import RangeError

    name = zlib.crc32(job.picture.stem.encode("utf-8", "surrogateescape"))
    try:
        varied: Sample = work.operator(sample, np.random.default_rng((work.seed, name, job.number)))
        image = varied.image
        if image.dtype.kind == "f" and not (image.min() >= 0.0 and image.max() <= 1.0):
            raise RangeError(
                f"the variant holds values from {image.min():.3g} to {image.max():.3g}, "
                "a picture holds 0 to 1",
                hint="leave Normalize out of the recipe",
            )
    except Exception as error:
        error.add_note(f"in variant {job.number} of {job.picture.name}")
        raise
    return varied


def _write_all(work: Work, jobs: list[Job], *, resume: bool) -> str:
    """Write the variants one by one, each at once or not at all."""
    from sfumato.io.picture import write

    made, given, sample = 0, None, None
    with showing_count("augmenting", len(jobs), quiet=work.quiet) as step:
        for job in jobs:
            if not (resume and _finished(job)):
                if sample is None or given != job.picture:
                    given, sample = job.picture, _read(job.picture, work.labels)
                varied = _vary(work, sample, job)
                (job.mask_output or job.output).parent.mkdir(parents=True, exist_ok=True)
                if (
                    job.mask_output is not None
                ):  # first, so that a picture tells that both are there
                    mask = _as_picture(varied.require("mask", "sfumato augment"))
                    write(job.mask_output, mask, overwrite=work.replace)
                write_picture(job.output, varied, overwrite=work.replace, depth=None)
                made += 1
            step()
    kept = f", {len(jobs) - made} were there already" if resume else ""
    return f"{work.output}: {made} variants of {len({job.picture for job in jobs})} pictures{kept}"


def _finished(job: Job) -> bool:
    return job.output.exists() and (job.mask_output is None or job.mask_output.exists())


def _as_picture(mask: Any) -> Any:
    """Give labels as grey of 8 bits where these hold them, else of 16."""
    import numpy as np

    from sfumato.errors import RangeError

    low, high = int(mask.min()), int(mask.max())
    if low < 0 or high > 65535:
        raise RangeError(f"a mask holds {low if low < 0 else high}, a PNG holds 0 to 65535")
    return np.asarray(mask)[..., None].astype(np.uint8 if high < 256 else np.uint16)


def _write_preview(work: Work, jobs: list[Job]) -> str:
    """Put each picture and its variants into a row of one sheet."""
    from sfumato.core.sample import Sample
    from sfumato.raster.contact_sheet import contact_sheet

    pictures = list(dict.fromkeys(job.picture for job in jobs))
    shown = pictures[:MOST_ROWS]
    count = len(jobs) // len(pictures)
    jobs = jobs[: count * len(shown)]
    cells = []
    with showing_count("augmenting", len(jobs), quiet=work.quiet) as step:
        for job in jobs:
            if job.number == 1:
                sample = _read(job.picture, work.labels)
                cells.append(sample.image)
            cells.append(_vary(work, sample, job).image)
            step()
    sheet = contact_sheet(cells, columns=count + 1, cell_px=CELL_PX)
    work.output.mkdir(exist_ok=True)
    told = write_picture(work.output / PREVIEW, Sample(sheet), overwrite=work.replace, depth=8)
    cut = "" if len(shown) == len(pictures) else f", the first {len(shown)} of {len(pictures)}"
    return f"{told}, a row a picture{cut}: the original, then its variants"
