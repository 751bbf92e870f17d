"""What `sfumato generate` was asked for: its options as one value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "LARGEST_SEED",
    "WHOLE_WAY",
    "Control",
    "Painting",
    "Size",
    "Wish",
    "parse_control",
    "parse_size",
]

Size = tuple[int, int]
SIZE = re.compile(r"(\d{1,6})x(\d{1,6})")
DEVICE = re.compile(r"(cpu|cuda|mps|xpu)(:\d{1,3})?")
WHOLE_WAY = (0.0, 1.0)
LARGEST_SEED = 2**62
STRONGEST_GUIDANCE = 100.0


class Control(NamedTuple):
    """One hint to follow: who reads it, where it is, how much it counts."""

    adapter: str
    hint: Path
    strength: float


@dataclass(frozen=True, kw_only=True)
class Painting:
    """What is asked for, as the options of `sfumato generate` say it."""

    prompts: tuple[str, ...]
    negative: str
    weights: str
    controls: tuple[Control, ...]
    window: tuple[float, float]
    guess: bool
    resize_hints: bool
    start: Path | None
    mask: Path | None
    strength: float | None
    size: Size | None
    count: int
    at_once: int | None
    seed: int
    steps: int
    sampler: str
    guidance: float | None
    grid: bool
    device: str
    dtype: str
    memory: str
    config: str | None

    def inputs(self) -> tuple[Path, ...]:
        """Give the pictures that are read."""
        hints = tuple(control.hint for control in self.controls)
        return tuple(p for p in (self.start, self.mask, *hints) if p is not None)

    def wishes(self) -> list[Wish]:
        """Give every picture that is asked for; the seed of the next is one more."""
        captions = [prompt for prompt in self.prompts for _ in range(self.count)]
        return [Wish(caption, self.seed + k) for k, caption in enumerate(captions)]

    def check(self) -> None:
        """Refuse what needs no file to be seen as wrong.

        Raises:
            FieldError: options without the one that they belong to.
            RangeError: a seed or guidance outside its bounds.
            SpecError: the device is none that paints.
        """
        from sfumato.errors import FieldError, RangeError, SpecError

        if not DEVICE.fullmatch(self.device):
            raise SpecError(f"--device {self.device}: is none that paints", hint="cpu, cuda, mps")
        if self.mask is not None and self.start is None:
            raise FieldError("--mask needs --from, the picture whose rest is kept")
        if self.strength is not None and self.start is None:
            raise FieldError("--strength needs --from, the picture that is left behind")
        if not self.controls and (self.guess or self.window != WHOLE_WAY):
            raise FieldError("--window and --guess say how a hint acts, they need --control")
        if self.seed > LARGEST_SEED:
            raise RangeError(f"--seed: {self.seed} is above {LARGEST_SEED}")
        if self.guidance is not None and not 0.0 <= self.guidance <= STRONGEST_GUIDANCE:
            raise RangeError(
                f"--guidance: {self.guidance:g} is outside [0, {STRONGEST_GUIDANCE:g}]",
                hint="3 to 8 are usual",
            )


class Wish(NamedTuple):
    """One picture: its caption and its seed."""

    caption: str
    seed: int


def parse_control(text: str) -> Control:
    """Read ``adapter=hint`` or ``adapter=hint:strength``.

    Raises:
        SpecError: it is neither.
    """
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
    return Control(name, Path(rest), strength)


def parse_size(text: str | None) -> Size | None:
    """Read ``WxH`` as height and width.

    Raises:
        SpecError: it is something else.
        FileError: more pixels than a picture may have.
    """
    from sfumato.errors import SpecError
    from sfumato.io.limits import check_pixels, pixel_limit

    if text is None:
        return None
    match = SIZE.fullmatch(text)
    if match is None:
        raise SpecError(f"--size {text}: expected WxH", hint="--size 64x48")
    width, height = int(match[1]), int(match[2])
    if width and height:
        check_pixels(f"--size {text}", width, height, pixel_limit())
    return height, width
