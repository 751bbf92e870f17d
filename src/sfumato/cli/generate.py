"""`sfumato generate`: pictures from words, hints, or other pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfumato.cli.inputs import read_frames
from sfumato.cli.outputs import check_picture, write_picture
from sfumato.cli.progress import say, showing_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfumato.core.batch import Batch

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato generate --prompt "a red circle on a blue ground" -o circle.png
  sfumato generate --prompt "a green square" --count 9 --grid -o nine.png
  sfumato generate --prompt "a red circle" --control canny=edges.png:0.8 -o steered.png
  sfumato generate --prompt "a blue star" --from old.png --strength 0.6 -o new.png
  sfumato generate --prompt "a blue star" --from old.png --mask hole.png -o filled.png

The PNG carries how it was made: sfumato, weights and their hash, prompt, seed, settings.
"""
SIZE = re.compile(r"(\d+)x(\d+)")
FROM_STRENGTH = 0.6
"""How far --from is left behind, unless said otherwise."""


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
@click.option("--guess", is_flag=True, help="Follow the hints without words (guess mode).")
@click.option("--resize-hints", is_flag=True, help="Bring hints to the size of the picture.")
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
    help="Size in pixels; by default that of --from, the first hint, or 64x64.",
)
@click.option("--count", type=int, default=1, show_default=True, help="Pictures for each prompt.")
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Of the first picture; the next has one more.",
)
@click.option(
    "--steps", type=int, default=30, show_default=True, help="How often the network is asked."
)
@click.option(
    "--sampler",
    default="ddim",
    show_default=True,
    help="ancestral, ddim, euler, heun or dpm_solver.",
)
@click.option(
    "--guidance",
    type=float,
    default=3.0,
    show_default=True,
    help="How strongly the prompt is followed.",
)
@click.option("--grid", is_flag=True, help="Write one contact sheet in place of single pictures.")
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="Where to compute; a seed means the same picture everywhere.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The picture; several get -1, -2, ... before the ending.",
)
@click.option("--overwrite", is_flag=True, help="Replace what exists.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def command(**given: Any) -> None:
    """Make pictures from words, hints and pictures."""
    from sfumato.errors import RangeError

    prompts, count = given["prompts"] or ("",), given["count"]
    if count < 1:
        raise RangeError(f"--count: {count} is below 1")
    total = len(prompts) * count
    paths = _paths(given["output"], 1 if given["grid"] else total)
    inputs = tuple(p for p in (given["start"], given["mask"]) if p is not None)
    for path in paths:
        check_picture(path, overwrite=given["overwrite"], inputs=inputs)
    made, notes = _make(given, prompts, total)
    pictures = [sample.image for sample in made.samples()]
    if given["grid"]:
        from sfumato.raster.contact_sheet import contact_sheet

        columns = count if len(prompts) > 1 and count > 1 else None
        pictures, notes = [contact_sheet(pictures, columns=columns)], notes[:1]
    lines = []
    for path, picture, about in zip(paths, pictures, notes, strict=True):
        from sfumato.core.sample import Sample

        shown = Sample(picture, meta={"notes": about})
        lines.append(write_picture(path, shown, overwrite=given["overwrite"], depth=8))
    say(lines, quiet=given["quiet"])


def _paths(output: Path, count: int) -> list[Path]:
    if count == 1:
        return [output]
    return [output.with_stem(f"{output.stem}-{k + 1}") for k in range(count)]


def _make(
    given: dict[str, Any], prompts: Sequence[str], total: int
) -> tuple[Batch, list[dict[str, str]]]:
    from sfumato.core.batch import Batch
    from sfumato.core.tensors import torch
    from sfumato.generate.find_diffusion import find_diffusion
    from sfumato.generate.noise import generators

    base = find_diffusion(given["weights"], device=given["device"])
    first = None if given["start"] is None else read_frames((given["start"],)).image
    hints = [_control(text) for text in given["controls"]]
    size = _size(given["size"], first, hints, base.multiple_of)
    steered = _adapters(hints, base, size, given)
    captions = tuple(p for p in prompts for _ in range(given["count"]))
    image = _start(first, size, total).to(given["device"])
    mask = _mask(given["mask"], size, total, first is not None)
    options = {name: given[name] for name in ("steps", "sampler", "guidance")}
    if base.text is None and base.network.encoder.label is None:
        options["guidance"] = 1.0
    strength = given["strength"]
    if strength is None:
        strength = 1.0 if first is None or mask is not None else FROM_STRENGTH
    with (
        showing_count("making pictures", given["steps"], quiet=given["quiet"]) as advance,
        torch.no_grad(),
    ):
        made = base.predict(
            Batch(image, text=captions, mask=mask),
            rng=generators(given["seed"], total),
            negative=given["negative"],
            fill_in=mask is not None,
            strength=strength,
            adapters=[*steered, (_Ticker(advance), 1.0)],
            **options,
        )
    return made, [_notes(given, caption, k, options) for k, caption in enumerate(captions)]


class _Ticker:
    """An adapter that says nothing and counts the steps."""

    def __init__(self, advance: Any) -> None:
        self.advance, self.seen = advance, -1.0

    def __call__(self, asked: Any) -> None:
        if asked.progress != self.seen:
            self.seen = asked.progress
            self.advance()


def _control(text: str) -> tuple[str, Any, float]:
    """Read ``adapter=hint`` or ``adapter=hint:strength``."""
    from sfumato.errors import SpecError

    name, equals, rest = text.partition("=")
    path, colon, number = rest.rpartition(":")
    strength = 1.0
    if colon and re.fullmatch(r"-?\d+(\.\d+)?", number):
        rest, strength = path, float(number)
    if not equals or not name or not rest:
        raise SpecError(
            f"--control {text}: expected ADAPTER=HINT[:STRENGTH]",
            hint="--control canny=edges.png:0.8",
        )
    return name, read_frames((Path(rest),)).image, strength


def _size(text: str | None, first: Any, hints: Sequence[Any], multiple: int) -> tuple[int, int]:
    from sfumato.errors import RangeError, SpecError

    if text is not None:
        match = SIZE.fullmatch(text)
        if match is None:
            raise SpecError(f"--size {text}: expected WxH", hint="--size 64x48")
        size = int(match[2]), int(match[1])
    elif first is not None:
        size = first.shape[:2]
    elif hints:
        size = hints[0][1].shape[:2]
    else:
        size = (64, 64)
    if any(side < multiple or side % multiple for side in size):
        raise RangeError(
            f"the size {size[1]}x{size[0]} does not suit these weights",
            hint=f"sides must be multiples of {multiple}: --size "
            + "x".join(
                str(max(multiple, round(side / multiple) * multiple)) for side in size[::-1]
            ),
        )
    return size


def _adapters(
    hints: Sequence[Any], base: Any, size: tuple[int, int], given: dict[str, Any]
) -> list[Any]:
    from sfumato.adapt.controls import find_adapter, hint_tensor
    from sfumato.adapt.steer import Steer

    found = []
    for name, picture, strength in hints:
        adapter = find_adapter(name, base, given["weights"]).to(given["device"])
        hint = hint_tensor(
            picture, adapter, size, resize=given["resize_hints"], who=f"--control {name}"
        )
        steer = Steer(adapter, hint, window=given["window"], guess_mode=given["guess"])
        found.append((steer, strength))
    return found


def _start(first: Any, size: tuple[int, int], count: int) -> Any:
    from sfumato.core.shapes import to_unit
    from sfumato.core.tensors import torch
    from sfumato.errors import ShapeError

    if first is None:
        return torch.zeros(count, 3, *size)
    if first.shape[:2] != size:
        raise ShapeError(
            f"--from is {first.shape[1]} x {first.shape[0]} px, the picture {size[1]} x {size[0]}",
            hint="resize it first, or leave --size away",
        )
    planes = torch.from_numpy(to_unit(first)).permute(2, 0, 1)[:3]
    return planes.expand(3, -1, -1).repeat(count, 1, 1, 1)


def _mask(path: Path | None, size: tuple[int, int], count: int, has_start: bool) -> Any:
    if path is None:
        return None
    from sfumato.core.shapes import to_unit
    from sfumato.core.tensors import torch
    from sfumato.errors import FieldError, ShapeError

    if not has_start:
        raise FieldError("--mask needs --from, the picture whose rest is kept")
    plane = to_unit(read_frames((path,)).image).mean(axis=2) > 0.5
    if plane.shape != size:
        raise ShapeError(f"--mask is {plane.shape[1]} x {plane.shape[0]} px, --from another size")
    return torch.from_numpy(plane).long().repeat(count, 1, 1)


def _notes(given: dict[str, Any], caption: str, k: int, options: dict[str, Any]) -> dict[str, str]:
    """Say how a picture was made, so that it can be made again."""
    import yaml

    from sfumato import __version__
    from sfumato.generate.find_diffusion import fingerprint

    facts = {
        "sfumato": __version__,
        "weights": given["weights"],
        "weights_sha256": fingerprint(given["weights"]),
        "prompt": caption,
        "negative": given["negative"],
        "seed": given["seed"] + k,
        **options,
        "controls": list(given["controls"]),
        "window": list(given["window"]),
        "guess": given["guess"],
    }
    return {"Software": f"sfumato {__version__}", "recipe": yaml.safe_dump(facts, sort_keys=False)}
