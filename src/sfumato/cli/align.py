"""`sfumato align`: frames in, the same frames lying on each other out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import frames_argument, read_frames
from sfumato.cli.outputs import check_folder, output_option, refuse_inputs, run_options
from sfumato.cli.progress import alignment_lines, say, showing_steps

if TYPE_CHECKING:
    from sfumato.core.sample import Sample

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato align tower_*.jpg -o aligned
  sfumato align focus/*.jpg -o aligned --chain neighbors --format tif
"""


@click.command("align", epilog=EPILOG)
@frames_argument
@output_option("DIR", "Folder for the aligned frames, made if it is missing.")
@click.option(
    "--format",
    "ending",
    type=click.Choice(["png", "tif", "jpg"]),
    help="Ending of the frames. By default their own, png for jpg and webp, tif for raw.",
)
@click.option("--reference", type=int, metavar="N", help="Frame that stays, the first is 1.")
@click.option(
    "--chain",
    type=click.Choice(["reference", "neighbors"]),
    default="reference",
    show_default=True,
    help="Match with the reference, or from neighbor to neighbor as for focus series.",
)
@click.option(
    "--model",
    type=click.Choice(["homography", "affine", "similarity", "translation"]),
    default="homography",
    show_default=True,
    help="The freest map that is allowed.",
)
@click.option("--drop-unaligned", is_flag=True, help="Leave frames out that cannot be aligned.")
@run_options
def command(
    *,
    frames: tuple[Path, ...],
    output: Path,
    ending: str | None,
    reference: int | None,
    chain: Any,
    model: Any,
    drop_unaligned: bool,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Align frames and write them to a folder.

    They are cut to what all of them show.
    """
    from sfumato.capture.align_frames import AlignFrames
    from sfumato.errors import RangeError

    names = _names_for(frames, ending)
    for name in names:
        refuse_inputs(output / name, frames)
    check_folder(output, names, overwrite=overwrite)
    if reference is not None and not 1 <= reference <= len(frames):
        raise RangeError(f"--reference: {reference} is not one of the frames 1 to {len(frames)}")
    align = AlignFrames(
        reference=None if reference is None else reference - 1,
        chain=chain,
        model=model,
        on_failure="drop" if drop_unaligned else "error",
    )
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = read_frames(frames, at_least=2, who="align")
        tell("align")
        aligned = align(sample)
        tell("write")
        count = _write_all(output, aligned, names)
    said = f"{output}: {count} frames of {aligned.size[1]} x {aligned.size[0]} px"
    say([*alignment_lines(aligned), said], quiet=quiet)


def _names_for(frames: tuple[Path, ...], ending: str | None) -> tuple[str, ...]:
    """Name the outputs as the inputs; numbered where two would have the same name."""
    kept = {".png": ".png", ".tif": ".tif", ".tiff": ".tif", ".jpg": ".png", ".jpeg": ".png"}
    kept[".webp"] = ".png"
    endings = [f".{ending}" if ending else kept.get(f.suffix.lower(), ".tif") for f in frames]
    names = [f.stem + e for f, e in zip(frames, endings, strict=True)]
    if len({name.lower() for name in names}) < len(names):
        names = [f"{k:02d}_{name}" for k, name in enumerate(names, start=1)]
    return tuple(names)


def _write_all(folder: Path, aligned: Sample, names: tuple[str, ...]) -> int:
    """Write all frames beside the folder, then move them in: all of them or none."""
    import shutil
    import tempfile

    from sfumato.core.sample import Sample
    from sfumato.errors import FileError
    from sfumato.io.formats import HOLDS, format_of_name
    from sfumato.io.picture import write

    kept = [names[r.frame] for r in aligned.meta["alignment"] if r.method != "dropped"]
    stack = aligned.require("stack", "align")
    metas = aligned.meta.get("frames", ({},) * len(stack))
    near = folder if folder.exists() else folder.parent
    try:
        room = Path(tempfile.mkdtemp(prefix=".sfumato-", dir=near))
    except OSError as error:
        raise FileError(f"{near}: cannot be written to: {error.strerror}") from error
    try:
        for name, frame, meta in zip(kept, stack, metas, strict=True):
            most: Any = max(HOLDS[format_of_name(name)])
            bits = None if 8 * frame.dtype.itemsize <= most else most
            write(room / name, Sample(frame, space=aligned.space, meta=meta), depth=bits)
        folder.mkdir(exist_ok=True)
        for name in kept:
            (room / name).replace(folder / name)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return len(kept)
