"""`sfumato generate`: pictures from words, hints, or other pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sfumato.cli.easel import set_up
from sfumato.cli.outputs import check_picture, picture_options, write_picture
from sfumato.cli.painting import Painting, parse_control, parse_size
from sfumato.cli.progress import say, showing_count, telling_warnings
from sfumato.cli.sampling_options import place_options, sampling_options

if TYPE_CHECKING:
    from sfumato.cli.easel import Easel
    from sfumato.cli.painting_notes import Remembered
    from sfumato.core.sample import Sample

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato generate --prompt "a red circle on a blue ground" -o circle.png
  sfumato generate --prompt "a green square" --count 9 --grid -o nine.png
  sfumato generate --prompt "a red circle" --control canny=edges.png:0.8 -o steered.png
  sfumato generate --prompt "a blue star" --from old.png --strength 0.6 -o new.png
  sfumato generate --prompt "a blue star" --from old.png --mask hole.png -o filled.png
  sfumato generate --again circle.png -o same.png
  sfumato generate --again circle.png --seed 5 -o other.png

\b
Size: that of --from or of the first hint, else what the weights were taught. Where a
photograph is much larger than that, it is refused with the size to ask for: --size
always counts, and --resize-hints brings pictures to it.

\b
A PNG carries how it was made: options, seeds, SHA-256 of all weights and files. --again
reads that, refuses what has changed meanwhile, and paints the picture again; on the same
machine bit for bit. Options that are typed count more. Pictures are written as they are
done, so those before Ctrl-C are there.
"""


@click.command("generate", epilog=EPILOG)
@click.option(
    "--prompt", "prompts", multiple=True, help="What to show; more than one may be given."
)
@click.option("--negative", default="", help="What not to show; works with --guidance above 1.")
@click.option(
    "--weights",
    default="scenes",
    show_default=True,
    help="A diffusion: a name that comes with sfumato, a folder, a Stable Diffusion checkpoint"
    " (folder or file), or hub:owner/name.",
)
@click.option(
    "--control",
    "controls",
    multiple=True,
    metavar="ADAPTER=HINT[:STRENGTH]",
    help="Follow a hint: a kind such as canny or a folder, and a picture; may be given again.",
)
@click.option(
    "--window", type=(float, float), default=(0.0, 1.0), help="Share of the way in which hints act."
)
@click.option("--guess/--no-guess", help="Follow the hints without words (guess mode).")
@click.option(
    "--resize-hints/--no-resize-hints",
    help="Bring hints, --from and --mask to the size of the picture.",
)
@click.option("--from", "start", type=click.Path(path_type=Path), help="Start from this picture.")
@click.option(
    "--mask",
    type=click.Path(path_type=Path),
    help="Make only what is white here, keep the rest of --from.",
)
@click.option(
    "--strength", type=float, help="How far to go from --from, 0 to 1; 0.6, and 1 with --mask."
)
@click.option(
    "--size",
    metavar="WxH",
    help="Size in pixels; by default that of --from, the first hint, or what the weights know.",
)
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="Pictures for each prompt, each with the next seed.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Paint so many together; by default what has 65,536 pixels, at most 8.",
)
@sampling_options
@click.option(
    "--sampler",
    default="ddim",
    show_default=True,
    help="ancestral, ddim, euler, heun or dpm_solver.",
)
@click.option("--grid/--no-grid", help="Write one contact sheet in place of single pictures.")
@place_options
@click.option(
    "--memory",
    type=click.Choice(["full", "offload", "low", "least"]),
    default="full",
    show_default=True,
    help="Of a published checkpoint: offload keeps one network at a time on the device, low"
    " decodes in tiles, least does both.",
)
@click.option(
    "--config",
    metavar="FOLDER",
    help="For a published checkpoint in one file, without a network: a checkpoint of its kind.",
)
@click.option(
    "--again",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help="Make this picture again, by what it carries.",
)
@picture_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    controls: tuple[str, ...],
    size: str | None,
    prompts: tuple[str, ...],
    again: Path | None,
    output: Path,
    overwrite: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Make pictures from words, hints and pictures.

    Several get -1, -2, ... before the ending.
    """
    asked = Painting(
        controls=tuple(map(parse_control, controls)),
        size=parse_size(size),
        prompts=prompts or ("",),
        **options,
    )
    explicit = {name for name in ctx.params if _typed(ctx, name)}
    old = None
    if again is not None:
        from sfumato.cli.painting_notes import read_notes

        old = read_notes(again)
        asked = old.painting(asked, explicit)
    exact = old is not None and not explicit
    wishes = asked.wishes()
    paths = _paths(output, 1 if asked.grid else len(wishes))
    read = (*asked.inputs(), *(() if again is None else (again,)))
    for path in paths:
        check_picture(path, overwrite=overwrite, inputs=read)
    with telling_warnings(quiet=quiet) as warn:
        easel = set_up(asked)
        if old is not None:
            old.check(easel, asked, explicit)
        for note in easel.notes:
            warn(note)
        made = _painted(asked, easel, old if exact else None, quiet=quiet)
        lines = []
        try:
            for path, sample in zip(paths, made, strict=True):
                line = write_picture(path, sample, overwrite=overwrite, depth=8)
                lines.append(line + _compared(sample, old) if exact and old is not None else line)
        finally:  # what was done before Ctrl-C is said, too, and nothing into the moving bar
            say(lines, quiet=quiet)
        if output.suffix.lower() != ".png":
            warn("only a .png carries how it was made, for --again")


AFTERWARDS = frozenset({"again", "output", "overwrite", "quiet"})
"""Options that do not change a picture."""


def _typed(ctx: click.Context, name: str) -> bool:
    return name not in AFTERWARDS and ctx.get_parameter_source(name) is not ParameterSource.DEFAULT


def _paths(output: Path, count: int) -> list[Path]:
    if count == 1:
        return [output]
    return [output.with_stem(f"{output.stem}-{k + 1}") for k in range(count)]


def _painted(
    asked: Painting, easel: Easel, exactly: Remembered | None, *, quiet: bool
) -> Iterator[Sample]:
    """Paint some at once, and give them as they are done; of a sheet only the sheet."""
    from sfumato.cli.painting_notes import notes_of
    from sfumato.core.sample import Sample

    wishes, only = asked.wishes(), None
    at_once = easel.at_once
    if exactly is not None and not asked.grid:
        wishes, only = exactly.wishes()
        at_once = len(wishes)
    rounds = [wishes[k : k + at_once] for k in range(0, len(wishes), at_once)]
    sheet = []
    with showing_count("painting", len(rounds) * easel.steps, quiet=quiet) as advance:
        for together in rounds:
            pictures = easel.paint(together, advance)
            for place, picture in enumerate(pictures):
                if asked.grid:
                    sheet.append(picture)
                elif only is None or only == place:
                    notes = notes_of(asked, easel, together, place)
                    yield Sample(picture, meta={"notes": notes})
    if asked.grid:
        from sfumato.raster.contact_sheet import contact_sheet

        several = len(asked.prompts) > 1 and asked.count > 1
        whole = contact_sheet(sheet, columns=asked.count if several else None)
        yield Sample(whole, meta={"notes": notes_of(asked, easel, wishes, None)})


def _compared(sample: Sample, old: Remembered) -> str:
    import numpy as np

    if np.array_equal(sample.image, old.image):
        return f", bit for bit {old.path}"
    now = sample.meta["notes"]["recipe"]
    then = f"{old.facts['made_with']}, sfumato {old.facts['sfumato']}"
    return f", not bit for bit {old.path}" + ("" if then in now else f" (made with {then})")
