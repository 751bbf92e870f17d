"""What a transform gets when its class is declared: a constructor that knows old words; docs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sfumato.augment._vocabulary import translate

__all__ = ["document_common_settings", "translating"]

COMMON_SETTINGS = {
    "p": "the share of calls that the transform acts on.",
    "interpolation": "how values between pixels are found; OpenCV's numbers are understood.",
    "mask_interpolation": "the same for masks.",
    "border_mode": "what lies beyond the picture; OpenCV's numbers are understood.",
    "fill": "the value, or one a channel, beyond the picture for the border ``constant``.",
    "fill_mask": "the same for masks.",
}
"""Settings that mean the same everywhere are documented once, here."""


def translating(cls: type[Any], init: Callable[..., None]) -> Callable[..., None]:
    """Let a constructor take bare values, and the words of both vocabularies."""

    @functools.wraps(init)
    def translated_init(self: Any, *args: Any, **settings: Any) -> None:
        if type(self) is cls:
            settings = translate(cls, args, settings)
            init(self, **settings)
        else:
            init(self, *args, **settings)

    return translated_init


def document_common_settings(cls: type[Any]) -> None:
    """Say in the docstring what the settings mean that every transform shares."""
    text = cls.__dict__.get("__doc__") or ""
    missing = [
        f"    {name}: {meaning}"
        for name, meaning in COMMON_SETTINGS.items()
        if name in cls.__dataclass_fields__ and f"{name}:" not in text
    ]
    if not text or not missing or "__main__" in text:
        return
    lines = text.rstrip().split("\n")
    heads = [k for k, line in enumerate(lines) if line.strip() == "Args:"]
    if heads:
        end = next((k for k in range(heads[0] + 1, len(lines)) if not lines[k].strip()), len(lines))
        indent = lines[heads[0]][: -len("Args:")]
        lines[end:end] = [indent + line for line in missing]
    else:
        lines += ["", "Args:", *missing]
    cls.__doc__ = "\n".join(lines) + "\n"
