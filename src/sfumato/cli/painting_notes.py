"""How a picture was made, written into its PNG and read again."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sfumato.cli.painting import LARGEST_SEED, Control, Painting, Wish, parse_size

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sfumato.cli.easel import Easel
    from sfumato.core.shapes import Image

__all__ = ["Remembered", "notes_of", "read_notes"]

RECIPE = "recipe"
"""The keyword of the note in a PNG."""
LONGEST, MOST = 65_536, 10_000
"""Of a recipe in characters, and of a list in it."""
MOST_AT_ONCE_EVER = 1000
HUB = "hub:"


def notes_of(
    asked: Painting, easel: Easel, wishes: Sequence[Wish], place: int | None
) -> dict[str, str]:
    """Say how a picture was made, so that it can be made again.

    Args:
        asked: the options.
        easel: what was loaded for them.
        wishes: the pictures that were painted at once.
        place: which of them this is; None for a contact sheet of all that was asked for.
    """
    import yaml

    from sfumato import __version__

    facts: dict[str, Any] = {"sfumato": __version__, **_machine(asked)}
    if place is None:
        facts |= {"grid": True, "prompts": list(asked.prompts), "count": asked.count}
        facts |= {"seed": asked.seed, "at_once": easel.at_once}
    else:
        facts |= {"prompt": wishes[place].caption, "seed": wishes[place].seed}
        if len(wishes) > 1:  # the last bits depend on how many are painted at once
            facts |= {"painted_with": [wish.caption for wish in wishes], "place": place}
    facts |= {"negative": asked.negative, "weights": asked.weights}
    facts |= {"weights_sha256": easel.hashes["weights"]}
    facts |= {"size": f"{easel.size[1]}x{easel.size[0]}"}
    facts |= {name: easel.sampling[name] for name in ("steps", "sampler", "guidance")}
    for name, path in (("from", asked.start), ("mask", asked.mask)):
        if path is not None:
            facts |= {name: str(path), f"{name}_sha256": easel.hashes[name]}
    if asked.start is not None:
        facts["strength"] = easel.sampling["strength"]
    if asked.controls:
        hashes = zip(easel.hashes["adapters"], easel.hashes["hints"], strict=True)
        facts["controls"] = [
            {
                "adapter": control.adapter,
                "adapter_sha256": adapter,
                "hint": str(control.hint),
                "hint_sha256": hint,
                "strength": control.strength,
            }
            for control, (adapter, hint) in zip(asked.controls, hashes, strict=True)
        ]
        facts |= {"window": list(asked.window), "guess": asked.guess}
    facts["resize_hints"] = asked.resize_hints
    facts |= {"device": asked.device, "dtype": asked.dtype, "memory": asked.memory}
    if asked.config is not None:
        facts["config"] = asked.config
    text = yaml.safe_dump(facts, sort_keys=False, allow_unicode=True)
    return {"Software": f"sfumato {__version__}", RECIPE: text}


def _machine(asked: Painting) -> dict[str, str]:
    """Name what the last bits of a picture depend on beside the options."""
    from sfumato.core.tensors import torch

    threads = torch.get_num_threads()
    return {"made_with": f"torch {torch.__version__}, {platform.machine()}, {threads} threads"}


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MOST


def _name(value: Any) -> bool:
    return _text(value) and bool(value) and "\0" not in value


def _hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    )


def _several(of: Callable[[Any], bool], most: int = MOST) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and 0 < len(value) <= most and all(map(of, value))


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _control(value: Any) -> bool:
    parts = {"adapter": _name, "hint": _name, "adapter_sha256": _hash, "hint_sha256": _hash}
    kinds: dict[str, Callable[[Any], bool]] = {**parts, "strength": _number}
    return (
        isinstance(value, dict)
        and set(value) == set(kinds)
        and all(kind(value[name]) for name, kind in kinds.items())
    )


NEEDED: dict[str, Callable[[Any], bool]] = {
    "sfumato": _text, "made_with": _text, "seed": _whole(0, LARGEST_SEED), "negative": _text,
    "weights": _name, "weights_sha256": _hash, "size": _text, "steps": _whole(1, 10**6),
    "sampler": _text, "guidance": _number, "resize_hints": _flag, "device": _text,
    "dtype": _text, "memory": _text,
}  # fmt: skip
"""What every recipe says, and what a value of it looks like."""
MAY_BE: dict[str, Callable[[Any], bool]] = {
    "prompt": _text, "painted_with": _several(_text), "place": _whole(0, MOST), "grid": _flag,
    "prompts": _several(_text), "count": _whole(1, MOST), "at_once": _whole(1, MOST),
    "from": _name, "from_sha256": _hash, "mask": _name, "mask_sha256": _hash,
    "strength": _number, "controls": _several(_control, 100), "guess": _flag,
    "config": _name,
    "window": lambda value: _several(_number)(value) and len(value) == 2,
}  # fmt: skip


class _Seen(NamedTuple):
    """Something the picture was made from: what it is, what it was then, what it is now."""

    option: str
    name: str
    then: str
    now: str


@dataclass(frozen=True)
class Remembered:
    """A picture that shall be made again.

    Args:
        path: its file.
        image: its pixels.
        facts: its recipe, checked.
    """

    path: Path
    image: Image
    facts: Mapping[str, Any]

    def painting(self, given: Painting, explicit: Collection[str]) -> Painting:
        """Give what was asked for then, but for what is asked otherwise now.

        Args:
            given: the options of now.
            explicit: names of those that somebody typed.

        Raises:
            FileError: a file is missing.
            SpecError: the recipe names weights of the hub, which nobody typed.
        """
        facts = self.facts
        adapters = [("controls", c["adapter"]) for c in facts.get("controls", ())]
        named = (("weights", facts["weights"]), ("config", facts.get("config", "")), *adapters)
        for option, name in named:
            if name.startswith(HUB) and option not in explicit:
                raise self._wrong_hub(name)
        old: dict[str, Any] = {
            "prompts": tuple(facts.get("prompts", (facts.get("prompt", ""),))),
            "size": parse_size(facts["size"]),
            "strength": facts.get("strength"),
            "window": tuple(map(float, facts.get("window", given.window))),
        }
        for name in ("negative", "weights", "seed", "steps", "sampler", "guidance", "resize_hints"):
            old[name] = facts[name]
        for name in ("device", "dtype", "memory"):
            old[name] = facts[name]
        for name in ("guess", "grid", "count", "at_once", "config"):
            old[name] = facts.get(name, getattr(given, name))
        for name, key in (("start", "from"), ("mask", "mask")):
            if name not in explicit and key in facts:
                old[name] = self._find(facts[key], f"--{key}")
        if "controls" not in explicit:
            old["controls"] = tuple(
                Control(
                    c["adapter"],
                    self._find(c["hint"], f"--control {c['adapter']}="),
                    float(c["strength"]),
                )
                for c in facts.get("controls", ())
            )
        return replace(given, **{k: v for k, v in old.items() if k not in explicit})

    def wishes(self) -> tuple[list[Wish], int]:
        """Give the pictures that were painted at once, and which of them this one is."""
        captions = self.facts.get("painted_with", [self.facts.get("prompt", "")])
        place = self.facts.get("place", 0)
        return [Wish(c, self.facts["seed"] - place + k) for k, c in enumerate(captions)], place

    def check(self, easel: Easel, asked: Painting, explicit: Collection[str]) -> None:
        """Refuse weights and files that are not those of then, unless somebody typed them.

        Raises:
            FileError: one has changed; the first is named.
        """
        from sfumato.errors import FileError

        for option, name, then, now in self._seen(easel, asked):
            if option not in explicit and then != now:
                raise FileError(
                    f"{name}: has changed since {self.path} was made from it "
                    f"(SHA-256 {then[:8]}... then, {now[:8]}... now)",
                    hint=f"bring the old one back, or name what to take with {TYPED[option]}",
                )

    def _seen(self, easel: Easel, asked: Painting) -> list[_Seen]:
        facts, hashes = self.facts, easel.hashes
        seen = []
        if asked.dtype == facts["dtype"]:
            seen.append(_Seen("weights", asked.weights, facts["weights_sha256"], hashes["weights"]))
        for option, key, path in (("start", "from", asked.start), ("mask", "mask", asked.mask)):
            if key in facts and path is not None:
                seen.append(_Seen(option, str(path), facts[f"{key}_sha256"], hashes[key]))
        found = zip(asked.controls, hashes["adapters"], hashes["hints"], strict=True)
        for old, (control, adapter, hint) in zip(facts.get("controls", ()), found, strict=False):
            seen.append(_Seen("controls", str(control.hint), old["hint_sha256"], hint))
            if asked.dtype == facts["dtype"]:
                seen.append(_Seen("controls", control.adapter, old["adapter_sha256"], adapter))
        return seen

    def _find(self, name: str, option: str) -> Path:
        """Find a file that the recipe names: where it was, or beside the picture."""
        from sfumato.errors import FileError

        beside = self.path.parent
        for path in (Path(name), beside / name, beside / Path(name).name):
            if path.is_file():
                return path
        raise FileError(
            f"{name}: is missing, and {self.path} was made from it",
            hint=f"put it beside the picture, or name another with {option}...",
        )

    def _wrong_hub(self, name: str) -> Exception:
        from sfumato.errors import SpecError

        return SpecError(
            f"{self.path}: wants {name}, and nothing is fetched because a picture says so",
            hint="if you know it, type it: --weights NAME, --config NAME or --control NAME=HINT",
        )


TYPED = {
    "weights": "--weights", "start": "--from", "mask": "--mask", "controls": "--control",
}  # fmt: skip


def read_notes(path: Path) -> Remembered:
    """Read how a picture was made.

    Raises:
        FileError: it is no picture, or carries no recipe of `sfumato generate`.
        SpecError: the recipe was tampered with, or is one of a later sfumato.
    """
    from sfumato.cli.inputs import read_frames
    from sfumato.core.spec import parse_yaml
    from sfumato.errors import FileError, SpecError

    sample = read_frames((path,))
    notes = sample.meta.get("notes", {})
    if RECIPE not in notes or not str(notes.get("Software", "")).startswith("sfumato"):
        others = ", ".join(sorted(notes)[:4])
        raise FileError(
            f"{path}: carries no recipe of sfumato" + (f", only notes: {others}" if others else ""),
            hint="a PNG of sfumato generate does, as long as no other program has saved it",
        )
    text = notes[RECIPE]
    if len(text) > LONGEST:
        raise SpecError(f"{path}: its recipe is longer than {LONGEST} characters")
    try:
        facts = parse_yaml(text)
    except SpecError as error:
        raise SpecError(f"{path}: {error.message}") from error
    _check(facts, sample.image.shape, path)
    return Remembered(path, sample.image, facts)


def _check(facts: Any, shape: tuple[int, ...], path: Path) -> None:
    from sfumato.errors import SpecError

    if not isinstance(facts, dict):
        raise SpecError(f"{path}: its recipe is no list of settings")
    known = {**NEEDED, **MAY_BE}
    strange = [str(name) for name in facts if name not in known]
    lacking = [name for name in NEEDED if name not in facts]
    odd = [name for name in facts if name in known and not known[name](facts[name])]
    wrong = {"does not know": strange, "misses": lacking, "cannot use": odd}
    said = [f"{what} {', '.join(names[:3])[:100]}" for what, names in wrong.items() if names]
    if not said and not _consistent(facts, shape):
        said = ["finds what does not fit together or to the picture"]
    if said:
        raise SpecError(
            f"{path}: in its recipe this sfumato {' and '.join(said)}",
            hint="it was changed by hand, or comes of another version",
        )


def _consistent(facts: Mapping[str, Any], shape: tuple[int, ...]) -> bool:
    """Tell whether the recipe can be that of a picture of this shape."""
    if any((name in facts) != (f"{name}_sha256" in facts) for name in ("from", "mask")):
        return False
    place, captions = facts.get("place", 0), facts.get("painted_with", [""])
    size = parse_size(facts["size"])
    assert size is not None, "a text"
    if facts.get("grid", False):
        pixels = len(facts.get("prompts", ())) * facts.get("count", 1) * size[0] * size[1]
        return bool(0 < pixels <= shape[0] * shape[1])
    together = place < len(captions) <= MOST_AT_ONCE_EVER and place <= facts["seed"]
    return bool(together and size == shape[:2])
