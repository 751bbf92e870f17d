"""What `sfumato generate` paints with: a diffusion, its hints, a picture to start from."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.cli.inputs import check_frames, read_frames
from sfumato.cli.painting import Control, Painting, Size, Wish

if TYPE_CHECKING:
    from sfumato.core.shapes import Image

__all__ = ["Easel", "set_up"]

USUAL_SIZE = (64, 64)
FROM_STRENGTH = 0.6
"""How far --from is left behind, unless said otherwise."""
TOO_LARGE = 4
"""A hint of more times the pixels that the weights were taught sets no size by itself."""
PIXELS_AT_ONCE, MOST_AT_ONCE = 65_536, 8
"""How many pixels and pictures are painted at once, unless said otherwise."""
NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


@dataclass(frozen=True, eq=False)
class Easel:
    """All that is loaded before the first picture is painted.

    Args:
        base: the diffusion.
        size: height and width of the pictures.
        at_once: how many are painted at once.
        steers: adapters with their hints, each with its strength.
        start: the picture to start from, (1, 3, h, w), or nothing but zeros.
        mask: what is made anew, (1, h, w).
        sampling: settings of `Diffusion.predict`.
        hashes: SHA-256 of the weights, and of the files that were read, by name.
        notes: what a person should know before waiting for the result.
    """

    base: Any
    size: Size
    at_once: int
    steers: list[tuple[Any, float]]
    start: Any
    mask: Any
    sampling: dict[str, Any]
    hashes: dict[str, Any]
    notes: list[str]

    @property
    def steps(self) -> int:
        """How often the network is asked for a picture."""
        return max(1, round(int(self.sampling["steps"]) * float(self.sampling["strength"])))

    def paint(self, wishes: Sequence[Wish], advance: Callable[[], None]) -> list[Image]:
        """Paint pictures at once; they come in 8 bits.

        Raises:
            OutOfMemoryError: the memory of the device does not suffice.
            RangeError: the network answered with numbers that are none.
        """
        from sfumato.core.batch import Batch
        from sfumato.core.tensors import torch
        from sfumato.errors import RangeError
        from sfumato.generate.noise import generators

        count, device = len(wishes), self.base.device
        mask = None if self.mask is None else self.mask.repeat(count, 1, 1).to(device)
        image = self.start.repeat(count, 1, 1, 1).to(device)
        with _memory_explained(self.size, count), torch.no_grad():
            made = self.base.predict(
                Batch(image, text=tuple(wish.caption for wish in wishes), mask=mask),
                rng=[generators(wish.seed, 1)[0] for wish in wishes],
                fill_in=mask is not None,
                adapters=[*self.steers, (_Ticker(advance), 1.0)],
                **self.sampling,
            ).image.cpu()
        if not bool(torch.isfinite(made).all()):
            raise RangeError(
                "the network answered with numbers that are none",
                hint="--dtype float32 holds larger ones, and less --guidance asks for smaller",
            )
        codes = (made * 255.0).round().to(torch.uint8).permute(0, 2, 3, 1)
        return [picture.numpy().copy() for picture in codes]


class _Ticker:
    """An adapter that says nothing and counts the steps."""

    def __init__(self, advance: Callable[[], None]) -> None:
        self.advance, self.seen = advance, -1.0

    def __call__(self, asked: Any) -> None:
        if asked.progress != self.seen:
            self.seen = asked.progress
            self.advance()


@contextlib.contextmanager
def _memory_explained(size: Size, count: int) -> Iterator[None]:
    from sfumato.errors import OutOfMemoryError

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or any(w in str(error).lower() for w in NO_MEMORY):
            raise OutOfMemoryError(
                f"the memory does not suffice for {count} pictures of {size[1]} x {size[0]} px",
                hint="a smaller --size, --at-once 1, or --memory low for a published checkpoint",
            ) from error
        raise


def set_up(asked: Painting) -> Easel:
    """Read and check all that is asked for.

    Raises:
        SfumatoError: a file, a size or a setting that makes no picture.
    """
    from sfumato.adapt.controls import find_adapter
    from sfumato.generate.find_diffusion import find_diffusion, fingerprint, usual_guidance
    from sfumato.generate.sampling import Sampling

    asked.check()
    check_frames(asked.inputs())
    options: dict[str, Any] = {"steps": asked.steps, "sampler": asked.sampler}
    Sampling(**options)  # looks at them before anything is loaded
    plain = {"dtype": "float32", "memory": "full", "config": None}
    published = {n: getattr(asked, n) for n in plain if getattr(asked, n) != plain[n]}
    base = find_diffusion(asked.weights, device=asked.device, **published)
    adapters = [find_adapter(c.adapter, base, asked.weights) for c in asked.controls]
    multiple = math.lcm(base.multiple_of, *(adapter.multiple_of for adapter in adapters))
    size = _size(asked, base, multiple)
    start, mask = _start(asked, size), _mask(asked, size)
    conditioned = base.text is not None or base.network.encoder.label is not None
    told = asked.guidance is not None and conditioned
    options["guidance"] = asked.guidance if told else usual_guidance(base)
    usual = 1.0 if start is None or mask is not None else FROM_STRENGTH
    options["strength"] = usual if asked.strength is None else asked.strength
    options["negative"] = asked.negative
    from sfumato.core.tensors import torch

    return Easel(
        base=base,
        size=size,
        at_once=asked.at_once or min(MOST_AT_ONCE, max(1, PIXELS_AT_ONCE // (size[0] * size[1]))),
        steers=[_steer(asked, c, a, size) for c, a in zip(asked.controls, adapters, strict=True)],
        start=torch.zeros(1, 3, *size) if start is None else start,
        mask=mask,
        sampling=options,
        hashes={
            "weights": fingerprint(base),
            "from": _hash(asked.start),
            "mask": _hash(asked.mask),
            "adapters": [fingerprint(adapter) for adapter in adapters],
            "hints": [_hash(control.hint) for control in asked.controls],
        },
        notes=_unknown_words(asked, base),
    )


def _hash(path: Path | None) -> str | None:
    if path is None:
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unknown_words(asked: Painting, base: Any) -> list[str]:
    """Say which words a small vocabulary lacks: they change nothing that a person expects."""
    if not hasattr(base.text, "unknown"):
        return []
    words = (word for text in (*asked.prompts, asked.negative) for word in base.text.unknown(text))
    unknown = list(dict.fromkeys(words))[:8]
    return [f"{asked.weights} was never taught the words: {', '.join(unknown)}"] if unknown else []


def _size(asked: Painting, base: Any, multiple: int) -> Size:
    from sfumato.errors import RangeError
    from sfumato.generate.find_diffusion import picture_size
    from sfumato.io.picture import probe

    taught = picture_size(base)
    size, also = asked.size, ""
    if size is None and asked.inputs():
        named = asked.start or asked.controls[0].hint
        size, also = probe(named).size, " --resize-hints"
        if taught is not None and size[0] * size[1] > TOO_LARGE * taught[0] * taught[1]:
            shrink = math.sqrt(taught[0] * taught[1] / (size[0] * size[1]))
            small = _fitting((size[0] * shrink, size[1] * shrink), multiple)
            raise RangeError(
                f"{named}: has {size[1]} x {size[0]} px, and {asked.weights} was taught pictures of"
                f" {taught[1]} x {taught[0]}",
                hint=f"--size {small} --resize-hints paints a small one, "
                f"--size {_fitting(size, multiple)} --resize-hints insists",
            )
    size = size or taught or USUAL_SIZE
    if any(side < multiple or side % multiple for side in size):
        raise RangeError(
            f"the size {size[1]}x{size[0]} does not suit these weights",
            hint=f"sides must be multiples of {multiple}: --size {_fitting(size, multiple)}{also}",
        )
    return size


def _fitting(size: tuple[float, float], multiple: int) -> str:
    return "x".join(str(max(multiple, round(n / multiple) * multiple)) for n in size[::-1])


def _steer(asked: Painting, control: Control, adapter: Any, size: Size) -> tuple[Any, float]:
    from sfumato.adapt.controls import hint_tensor
    from sfumato.adapt.steer import Steer

    hint = hint_tensor(
        read_frames((control.hint,)).image,
        adapter,
        size,
        resize=asked.resize_hints,
        who=f"--control {control.adapter}",
    )
    steer = Steer(adapter.to(asked.device), hint, window=asked.window, guess_mode=asked.guess)
    return steer, control.strength


def _start(asked: Painting, size: Size) -> Any:
    if asked.start is None:
        return None
    from sfumato.core.tensors import torch

    planes = _planes(asked.start, "--from", size, resize=asked.resize_hints)
    return torch.from_numpy(planes).permute(2, 0, 1)[:3].expand(3, -1, -1)[None]


def _mask(asked: Painting, size: Size) -> Any:
    if asked.mask is None:
        return None
    from sfumato.core.tensors import torch

    planes = _planes(asked.mask, "--mask", size, resize=asked.resize_hints)
    return torch.from_numpy(planes.mean(axis=2) > 0.5).long()[None]


def _planes(path: Path, who: str, size: Size, *, resize: bool) -> Any:
    from sfumato.core.shapes import to_unit
    from sfumato.errors import ShapeError
    from sfumato.raster.resize import resize_image

    planes = to_unit(read_frames((path,)).image)
    if planes.shape[:2] == size:
        return planes
    if not resize:
        raise ShapeError(
            f"{who} is {planes.shape[1]} x {planes.shape[0]} px, the picture {size[1]} x {size[0]}",
            hint="--resize-hints brings it to the size of the picture",
        )
    return resize_image(planes, size)
