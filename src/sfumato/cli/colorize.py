"""`sfumato colorize`: a line drawing becomes a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sfumato.cli.inputs import read_frames
from sfumato.cli.outputs import check_file, check_picture, picture_options, write_picture
from sfumato.cli.progress import say, showing_steps, telling_warnings
from sfumato.cli.sampling_options import place_options, sampling_options

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato colorize lineart.png --prompt "a red circle on a blue ground" -o out.png
  sfumato colorize lineart.png --palette "#f4efe1,#8cbadb,#ee6a50" --weights none -o flat.png
  sfumato colorize lineart.png --palette photo.jpg --shading 0.6 -o out.png
  sfumato colorize photo.jpg --extract -o drawn.png
  sfumato colorize lineart.png --base hub:owner/stable-diffusion --weights hub:owner/lines \\
    --prompt "a lighthouse" --device cuda --dtype float16 -o out.png
"""


@click.command("colorize", epilog=EPILOG)
@click.argument("drawing", type=click.Path(path_type=Path))
@click.option("--prompt", default="", help="What the picture shows.")
@click.option(
    "--palette",
    metavar="COLORS|PICTURE",
    help="Colors to use, as #rrggbb,#rrggbb,..., or a picture to take six from.",
)
@click.option(
    "--weights",
    default="scenes-lines",
    show_default=True,
    help="An adapter for lines; none colors from the palette alone.",
)
@click.option(
    "--base",
    help="A diffusion that a published adapter shall steer, as --weights of sfumato generate.",
)
@click.option("--extract", is_flag=True, help="Draw the lines of a photograph first.")
@click.option(
    "--shading",
    type=float,
    default=0.3,
    show_default=True,
    help="0 fills evenly, 1 keeps the painted shades.",
)
@click.option(
    "--gap",
    "gap_px",
    type=int,
    metavar="PX",
    help="Gaps in lines up to this do not leak; by default 2 % of the short side.",
)
@click.option(
    "--side",
    "side_px",
    type=int,
    metavar="PX",
    help="Long side of what is painted; by default that of what the generator was taught.",
)
@sampling_options
@place_options
@click.option(
    "--regions", type=click.Path(path_type=Path), help="List the areas in this JSON file."
)
@picture_options
def command(
    *,
    drawing: Path,
    palette: str | None,
    weights: str,
    base: str | None,
    device: str,
    dtype: Any,
    extract: bool,
    seed: int,
    regions: Path | None,
    output: Path,
    overwrite: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Color a line drawing and keep its lines.

    DRAWING is a scan or a drawing, dark lines on light paper; uneven paper is cleaned.
    """
    import json

    from sfumato.adapt.colorize_lines import ColorizeLines
    from sfumato.adapt.line_painter import LinePainter
    from sfumato.core.files import write_atomically
    from sfumato.errors import FileError, SpecError

    check_picture(output, overwrite=overwrite, inputs=(drawing,))
    if regions is not None:
        check_file(regions, overwrite=overwrite, inputs=(drawing,))
        if regions.resolve() == output.resolve():
            raise FileError(f"{regions}: cannot be the picture and the list of its areas")
    painter = None
    if weights != "none":
        painter = LinePainter(weights=weights, base=base, device=device, dtype=dtype)
    elif base is not None:
        raise SpecError("--base paints nothing without an adapter", hint="name one with --weights")
    operator = ColorizeLines(weights=painter, palette=_palette(palette), **settings)
    with telling_warnings(quiet=quiet), showing_steps(quiet=quiet) as tell:
        tell("read")
        sample = read_frames((drawing,))
        if extract:
            from sfumato.features.line_drawing import LineDrawing

            tell("drawing the lines")
            sample = LineDrawing()(sample)
        tell("coloring")
        colored = operator(sample, seed)
        tell("write")
        lines = [write_picture(output, colored, overwrite=overwrite, depth=None)]
        listed = colored.meta["regions"]
        if regions is not None:
            write_atomically(regions, json.dumps(listed, indent=2).encode())
            lines.append(f"{regions}: {len(listed)} areas")
        else:
            lines.append(f"{len(listed)} areas")
        if len(listed) == 1:
            lines.append("all of it is one area: a larger --gap closes lines that are open")
    say(lines, quiet=quiet)


def _palette(text: str | None) -> tuple[tuple[float, float, float], ...] | None:
    """Read colors, or take them from a picture."""
    if text is None:
        return None
    from sfumato.errors import SpecError

    if not text.startswith("#"):
        from sfumato.color.palette import palette_of

        found = palette_of(read_frames((Path(text),)).image)
        return tuple((float(r), float(g), float(b)) for r, g, b in found)
    colors = []
    for word in text.split(","):
        digits = word.strip().removeprefix("#")
        try:
            codes = bytes.fromhex(digits)
        except ValueError:
            codes = b""
        if len(codes) != 3:
            raise SpecError(
                f"--palette: {word.strip()!r} is no color", hint="write #rrggbb,#rrggbb,..."
            )
        colors.append((codes[0] / 255, codes[1] / 255, codes[2] / 255))
    return tuple(colors)
