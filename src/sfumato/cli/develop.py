"""`sfumato develop`: frames in, one finished picture out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import frames_argument, raised_to
from sfumato.cli.lean import import_numba
from sfumato.cli.outputs import check_folder, check_picture, output_options, write_picture
from sfumato.cli.progress import alignment_lines, say, showing_steps
from sfumato.cli.raw_options import RawChoices, raw_line, raw_options, read_raw_or_pictures

if TYPE_CHECKING:
    from sfumato.capture.develop import Develop, DevelopRecord

__all__ = ["build_develop", "carry_out", "command", "describe"]

EPILOG = """\b
Examples:
  sfumato develop tower_*.jpg -o tower.png
  sfumato develop tower_*.jpg -o tower.tif --depth 16 --report tower-report
  sfumato develop stack/*.jpg -o macro.jpg --as focus --sharpen 0.5
  sfumato develop dull_*.jpg -o bright.jpg --grade
  sfumato develop night_*.jpg -o night.jpg --tone shadows=0.3,contrast=0.1
  sfumato develop dusk_*.nef -o dusk.jpg --profile camera.yaml --denoise wavelet
  sfumato develop one.dng -o one.tif --linear --depth 16
"""


@click.command("develop", epilog=EPILOG)
@frames_argument
@output_options
@click.option(
    "--as",
    "kind",
    type=click.Choice(["auto", "bracket", "focus", "burst", "single"]),
    default="auto",
    show_default=True,
    help="What the frames are; auto looks at metadata, else at the pixels.",
)
@click.option("--no-align", is_flag=True, help="Take the frames as they lie.")
@click.option("--drop-unaligned", is_flag=True, help="Leave frames out that cannot be aligned.")
@click.option("--no-deghost", is_flag=True, help="Let moving things show several times.")
@click.option(
    "--deghost-method",
    type=click.Choice(["consistency", "bitmap"]),
    default="consistency",
    show_default=True,
    help="How moving things are found.",
)
@click.option("--levels", type=int, help="Pyramid levels of the fusion; by default by size.")
@click.option("--resize", type=int, metavar="PX", help="Long side of the result.")
@click.option("--sharpen", type=float, metavar="AMOUNT", help="Unsharp mask; 0.5 is moderate.")
@click.option("--grade", is_flag=True, help="Repair exposure, balance and contrast; learned.")
@click.option(
    "--tone",
    metavar="NAME=VALUE,...",
    help="contrast, shadows, highlights (-1 to 1), gamma (0.2 to 5).",
)
@raw_options
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="DIR", help="Write DIR/index.html."
)
def command(
    *,
    frames: tuple[Path, ...],
    output: Path,
    depth: int | None,
    overwrite: bool,
    quiet: bool,
    report: Path | None,
    **settings: Any,
) -> None:
    """Make one finished picture from the frames of a camera.

    A bracket, a focus series, a burst or a single frame.

    The series is recognised, aligned, freed of ghosts if it is a bracket, and
    fused, stacked or merged. Camera raws are made pictures first, all of them alike.
    """
    check_picture(output, overwrite=overwrite, inputs=frames, depth=depth)
    if report is not None:
        check_folder(report, ("index.html",), overwrite=overwrite)
    choices = RawChoices(**{name: settings.pop(name) for name in vars(RawChoices())})
    import_numba()
    lines = carry_out(
        build_develop(**settings, choices=choices),
        frames,
        output,
        report=report,
        depth=depth,
        overwrite=overwrite,
        quiet=quiet,
        choices=choices,
    )
    say(lines, quiet=quiet)


def carry_out(
    develop: Develop,
    frames: tuple[Path, ...],
    output: Path,
    *,
    report: Path | None,
    depth: int | None,
    overwrite: bool,
    quiet: bool,
    choices: RawChoices | None = None,
) -> list[str]:
    """Develop frames into files and say what was done; the outputs were checked before."""
    from sfumato.io.formats import HOLDS, format_of_name

    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample, told = read_raw_or_pictures(frames, choices or RawChoices())
        if sample.space == "raw":
            tell("raw")
            told = (*told, raw_line(sample, develop.raw))
            sample = develop.raw(sample, 0)
            # Float pictures come of it; files hold them in 16 bits unless more is asked for.
            depth = depth or min(16, max(HOLDS[format_of_name(output)]))
        sample = raised_to(sample, depth)
        page, watch = None, None
        if report is not None:
            from sfumato.capture.develop_report import DevelopReport

            page = DevelopReport(develop, sample)
            watch = page.watch
        record = develop.develop(sample, 0, watch=watch, progress=tell)
        tell("write")
        written = [write_picture(output, record.result, overwrite=overwrite, depth=depth)]
        if page is not None and report is not None:
            tell("report")
            report.mkdir(exist_ok=True)
            written.append(str(page.write(report, record)))
    return [*told, *describe(record), *written]


def build_develop(
    *,
    kind: str = "auto",
    no_align: bool = False,
    drop_unaligned: bool = False,
    no_deghost: bool = False,
    deghost_method: str = "consistency",
    levels: int | None = None,
    resize: int | None = None,
    sharpen: float | None = None,
    grade: bool = False,
    tone: str | None = None,
    choices: RawChoices | None = None,
) -> Develop:
    """Turn the words of the command line into the operator.

    Raises:
        SfumatoError: a value is outside its bounds or does not go with another.
    """
    from sfumato.capture.align_frames import AlignFrames
    from sfumato.capture.deghost import Deghost
    from sfumato.capture.develop import Develop
    from sfumato.capture.fuse_exposures import FuseExposures
    from sfumato.core.operator import Operator
    from sfumato.errors import SpecError

    if no_align and drop_unaligned:
        raise SpecError(
            "--drop-unaligned does not go with --no-align", hint="leave one of them out"
        )
    finish: list[Operator] = []
    if resize is not None:
        from sfumato.raster.resize import Resize

        finish.append(Resize(long_side_px=resize))
    if grade:
        from sfumato.color.auto_grade import AutoGrade

        finish.append(AutoGrade())
    if tone is not None:
        finish.append(_tone(tone))
    if sharpen is not None:
        from sfumato.raster.sharpen import Sharpen

        finish.append(Sharpen(amount=sharpen))
    choice: Any = kind
    method: Any = deghost_method
    return Develop(
        kind=choice,
        align=None if no_align else AlignFrames(on_failure="drop" if drop_unaligned else "error"),
        deghost=None if no_deghost else Deghost(method=method),
        fuse=FuseExposures(levels=levels),
        finish=tuple(finish),
        raw=(choices or RawChoices()).build(),
    )


def _tone(text: str) -> Any:
    from sfumato.color.tone import Tone
    from sfumato.errors import SpecError

    settings: dict[str, Any] = {}
    for part in text.split(","):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        try:
            settings[name.lower()] = float(value)
        except ValueError:
            sign = ""
        if not sign or not name:
            raise SpecError(
                f"--tone: expected NAME=VALUE, got {part!r}",
                hint="for example --tone shadows=0.3,contrast=0.1",
            )
    return Tone(**settings)


def describe(record: DevelopRecord) -> list[str]:
    """Say what was done with each frame, in a few lines."""
    result = record.result
    lines = [str(record.recognition), *alignment_lines(result)]
    if result.mask is not None:
        share = float((result.mask > 0).mean())
        lines.append(f"moving things replaced in {share:.1%} of the picture")
    total = sum(seconds for _, seconds in record.seconds)
    steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in record.seconds)
    lines.append(f"{total:.2f} s: {steps}")
    return lines
