"""What a transform gets when its class is declared: a constructor that knows old words; docs."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from sfumato.augment._vocabulary import Legacy, translate
from sfumato.core.spec import Configured

__all__: list[str] = []  # Bilingual is a part of every transform, and nothing on its own

COMMON_SETTINGS = {
    "p": "the share of calls that the transform acts on.",
    "interpolation": "how values between pixels are found; OpenCV's numbers are understood.",
    "mask_interpolation": "the same for masks.",
    "border_mode": "what lies beyond the picture; OpenCV's numbers are understood.",
    "fill": "the value, or one a channel, beyond the picture for the border ``constant``.",
    "fill_mask": "the same for masks.",
}
"""Settings that mean the same everywhere are documented once, here."""


class Bilingual(Configured):
    """A class whose constructor takes bare values, and old words; see `_vocabulary`."""

    legacy: ClassVar[Mapping[str, Legacy]] = {}
    shorthand: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    defaults_1_3: ClassVar[Mapping[str, Any]] = {}
    order: ClassVar[tuple[str, ...] | None] = None
    order_1_3: ClassVar[tuple[str, ...] | None] = None
    own_defaults: ClassVar[tuple[str, ...]] = ()
    """Settings whose default differs from albumentations on purpose; the docs say why."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__init__ = _translating(cls, cls.__init__)  # type: ignore[method-assign]
        _document_common_settings(cls)

    @classmethod
    def understand(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """Rewrite settings that the declared vocabulary cannot express; nothing by default."""
        return settings

    @classmethod
    def understand_1_3(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """Rewrite settings where the defaults of 1.3 hold; nothing by default."""
        return settings


def _translating(cls: type[Any], init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def translated_init(self: Any, *args: Any, **settings: Any) -> None:
        if type(self) is cls:
            settings = translate(cls, args, settings)
            init(self, **settings)
        else:
            init(self, *args, **settings)

    return translated_init


def _document_common_settings(cls: type[Any]) -> None:
    """Say in the docstring what the settings mean that are documented elsewhere: here, or above."""
    text = cls.__dict__.get("__doc__") or ""
    if not text or text.startswith(f"{cls.__name__}("):  # the one that dataclasses write
        return
    known = {**_inherited_meanings(cls), **COMMON_SETTINGS}
    missing = [
        f"    {name}: {known[name]}"
        for name in cls.__dataclass_fields__
        if name in known and f"{name}:" not in text
    ]
    if not missing:
        return
    lines = text.rstrip().split("\n")
    heads = [k for k, line in enumerate(lines) if line.strip() == "Args:"]
    if heads:
        end = next((k for k in range(heads[0] + 1, len(lines)) if not lines[k].strip()), len(lines))
        indent = lines[heads[0]][: -len("Args:")]
        lines[end:end] = [indent + line for line in missing]
    else:
        lines += ["", "    Args:", *(f"    {line}" for line in missing)]
    cls.__doc__ = "\n".join(lines) + "\n"


def _inherited_meanings(cls: type[Any]) -> dict[str, str]:
    """Read what the classes above say about their settings."""
    meanings: dict[str, str] = {}
    for base in reversed(cls.__mro__[1:]):
        _, _, listed = (base.__dict__.get("__doc__") or "").partition("Args:\n")
        entries = re.findall(r"^ {8}(\w+): ((?:.|\n {9,})*)", listed, flags=re.MULTILINE)
        meanings.update({name: " ".join(words.split()) for name, words in entries})
    return meanings
