"""Checkpoints: everything a training needs to go on, whole or not at all."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfumato.core.files import atomic_folder, read_text
from sfumato.core.tensors import Tensor
from sfumato.core.weights import read_state
from sfumato.errors import FileError, SpecError

__all__ = ["Checkpoint", "Shelf", "check_same_config"]

NAME = re.compile(r"step-(\d{8,})")
STATE = "state.json"
FORMAT = 1
FREE = frozenset(
    {
        "max_seconds", "log_every", "validate_every", "save_every", "keep", "device",
        "sample_pictures", "tensorboard", "workers", "cache_mb",
    }
)  # fmt: skip
"""Settings that do not change what is learned."""


@dataclass(frozen=True)
class Checkpoint:
    """What was read back.

    Args:
        folder: where it lay.
        facts: step, counters, times, scores and the config.
        tensors: by file and name.
    """

    folder: Path
    facts: Mapping[str, Any]
    tensors: Mapping[str, Mapping[str, Tensor]]


class Shelf:
    """The checkpoints of one training, newest kept.

    A checkpoint is written under a hidden name, forced to the disk and renamed: a
    process killed at any moment leaves whole checkpoints only.

    Args:
        folder: where they lie.
        keep: how many stay.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self.keep = folder, keep

    def steps(self) -> list[int]:
        """Tell of which steps there are checkpoints, oldest first."""
        found = (NAME.fullmatch(path.name) for path in self._entries())
        return sorted(int(match.group(1)) for match in found if match)

    def _entries(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from self.folder.iterdir()

    def path(self, step: int) -> Path:
        """Tell where the checkpoint of a step lies."""
        return self.folder / f"step-{step:08d}"

    def write(
        self, step: int, tensors: Mapping[str, Mapping[str, Tensor]], facts: Mapping[str, Any]
    ) -> Path:
        """Write a checkpoint, then drop the oldest ones.

        Raises:
            FileError: the disk is full or the folder cannot be written.
        """
        from safetensors.torch import save_file  # noqa: PLC0415 (an extra)

        path = self.path(step)
        with atomic_folder(path) as temporary:
            for file, named in tensors.items():
                save_file(dict(named), temporary / f"{file}.safetensors")
            whole = {"format": FORMAT, "step": step, "files": sorted(tensors), **facts}
            (temporary / STATE).write_text(json.dumps(whole, indent=1), encoding="utf-8")
        for old in self.steps()[: -self.keep]:
            _drop(self.path(old))
        return path

    def read(self, step: int | None = None) -> Checkpoint:
        """Read the checkpoint of a step, or the newest.

        Raises:
            FileError: there is none, or it is damaged.
        """
        steps = self.steps()
        if not steps or (step is not None and step not in steps):
            raise FileError(f"{self.folder}: there is no checkpoint", hint="start without resume")
        folder = self.path(steps[-1] if step is None else step)
        try:
            facts = json.loads(read_text(folder / STATE))
            files = facts["files"]
            if facts["format"] != FORMAT or not all(re.fullmatch(r"[a-z]+", f) for f in files):
                raise ValueError(f"format {facts['format']}")
            tensors = {f: read_state(folder / f"{f}.safetensors", "checkpoint") for f in files}
        except (ValueError, KeyError, TypeError, FileError) as error:
            said = error.message if isinstance(error, FileError) else str(error)
            others = f", or delete it to go on from step {steps[-2]}" if len(steps) > 1 else ""
            raise FileError(
                f"{folder}: the checkpoint is damaged: {said}", hint=f"restore the folder{others}"
            ) from error
        return Checkpoint(folder, facts, tensors)

    def clear_remains(self) -> None:
        """Remove what processes that were killed left half written."""
        for path in self._entries():
            if path.name.startswith(".step-") and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)


def _drop(path: Path) -> None:
    """Remove a checkpoint so that half of it never looks like one."""
    hidden = path.with_name(f".{path.name}-old")
    path.rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def check_same_config(old: Any, new: Any, folder: Path) -> None:
    """Refuse to resume with settings that change what is learned.

    Raises:
        SpecError: a setting differs; the message names it and both values.
    """
    before, now = dict(_flat(old)), dict(_flat(new))
    if str(now.get("recipe/train.Recipe/decay")) == "constant":
        before.pop("recipe/train.Recipe/steps", None)  # how long is free where nothing decays
        now.pop("recipe/train.Recipe/steps", None)
    changed = [
        name
        for name in sorted(before.keys() | now.keys())
        if before.get(name, "nothing") != now.get(name, "nothing")
        and name.rsplit("/", 1)[-1] not in FREE
    ]
    if changed:
        name = changed[0]
        was, is_now = before.get(name, "nothing"), now.get(name, "nothing")
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise SpecError(
            f"{folder}: was trained with {name.replace('/', '.')} {was}, now it is {is_now}{more}",
            hint="resume with the same settings, or say that they may change: "
            "--changed, resume='changed'",
        )


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{name}/{key}" if name else str(key))
    elif isinstance(value, (list, tuple)) and value:
        for k, item in enumerate(value):
            yield from _flat(item, f"{name}/{k}")
    else:
        yield name, value
