"""`sfumato match`: where a flat thing lies in a scene."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import read_frames
from sfumato.cli.outputs import check_picture, write_picture
from sfumato.cli.progress import say, showing_steps

if TYPE_CHECKING:
    from sfumato.features.template import TemplateMatch

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato match cover.png shelf.jpg -o found.png
  sfumato match cover.png shelf.jpg --ratio 0.8 --json
"""
CORNERS = ("top left", "bottom left", "bottom right", "top right")


@click.command("match", epilog=EPILOG)
@click.argument("template", type=click.Path(path_type=Path))
@click.argument("scene", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Write a picture of both with matches and outline: .jpg, .png, .webp or .tif.",
)
@click.option(
    "--ratio",
    type=float,
    default=0.7,
    show_default=True,
    help="Nearest over second nearest descriptor distance of a match; larger for hard cases.",
)
@click.option(
    "--method",
    type=click.Choice(["brute", "flann"]),
    default="brute",
    show_default=True,
    help="Compare all descriptors, or search trees: faster for large pictures.",
)
@click.option("--root-sift", is_flag=True, help="Compare descriptors by Hellinger distance.")
@click.option(
    "--estimator",
    type=click.Choice(["magsac", "ransac"]),
    default="magsac",
    show_default=True,
    help="The robust search for the map.",
)
@click.option(
    "--threshold",
    "threshold_px",
    type=float,
    metavar="PX",
    default=3.0,
    show_default=True,
    help="A match farther off than this is no inlier.",
)
@click.option(
    "--min-inliers",
    type=int,
    metavar="N",
    default=8,
    show_default=True,
    help="Fewer agreeing matches do not show the template.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--overwrite", is_flag=True, help="Replace what exists.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors, and JSON if asked for.")
def command(
    *,
    template: Path,
    scene: Path,
    output: Path | None,
    as_json: bool,
    overwrite: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Find a flat template in a scene.

    TEMPLATE is a picture of a book, poster, sign or board, seen from the front.

    Corners are x and y in pixels of SCENE, the centre of its first pixel is 0, 0.
    A scene without the template is an error that says how many matches agree.
    """
    from sfumato.features.template import FindTemplate

    find = FindTemplate(**settings)
    if output is not None:
        check_picture(output, overwrite=overwrite, inputs=(template, scene))
    with showing_steps(quiet=quiet) as tell:
        tell("read")
        wanted, seen = (read_frames((path,)).image for path in (template, scene))
        tell("looking for the template")
        match = find.find(seen, wanted)
        written = []
        if output is not None:
            from sfumato.core.sample import Sample
            from sfumato.features.drawing import draw_match

            tell("write")
            drawn = Sample(draw_match(wanted, seen, match))
            written.append(write_picture(output, drawn, overwrite=overwrite, depth=None))
    if as_json:
        click.echo(_json(match, template, scene, output))
    else:
        say([*_lines(match, template, scene), *written], quiet=quiet)


def _lines(match: TemplateMatch, template: Path, scene: Path) -> list[str]:
    heading = (
        f"{template} in {scene}: {match.inlier_count} inliers of {match.matches} matches, "
        f"residual {match.residual_px:.2f} px"
    )
    rows = zip(CORNERS, match.corners, match.corner_error_px, strict=True)
    return [heading, *(f"  {n:12} {x:9.2f} {y:9.2f}  +- {e:.2f} px" for n, (x, y), e in rows)]


def _json(match: TemplateMatch, template: Path, scene: Path, output: Path | None) -> str:
    import json

    return json.dumps(
        {
            "template": str(template),
            "scene": str(scene),
            "matches": match.matches,
            "inliers": match.inlier_count,
            "residual_px": match.residual_px,
            "corners": match.corners.tolist(),
            "corner_error_px": match.corner_error_px.tolist(),
            "homography": match.homography.tolist(),
            "output": None if output is None else str(output),
        },
        indent=2,
    )
