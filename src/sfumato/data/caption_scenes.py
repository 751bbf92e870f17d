"""Small pictures that say what they show: colored things before a background, with captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.sample import Sample
from sfumato.data._things import THINGS, Part, Role
from sfumato.data.source import Source
from sfumato.errors import RangeError

__all__ = ["CAPTION_WORDS", "COLORS", "CaptionScenes"]

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (205, 40, 45),
    "orange": (240, 135, 25),
    "yellow": (246, 214, 60),
    "green": (60, 160, 70),
    "teal": (35, 165, 170),
    "blue": (50, 90, 205),
    "purple": (130, 65, 170),
    "pink": (243, 145, 185),
    "brown": (125, 78, 48),
    "white": (243, 243, 240),
    "gray": (135, 135, 140),
    "black": (32, 32, 36),
}
"""The colors of things and backgrounds by name, 8-bit sRGB."""
PATTERNS = ("plain", "striped", "checkered", "dotted", "sky")
SKIES = ("blue", "orange", "pink", "gray", "purple")
GROUND = np.array((96, 150, 72), np.float32)
WOOD = np.array((112, 74, 46), np.float32)
FINE = 4
"""Pixels are averages of so many by so many."""

CAPTION_WORDS: tuple[str, ...] = (
    "a", "an", "and", "on", "under", "the", "in", "at", "left", "right", "top", "bottom", "small",
    "large", "background", "striped", "checkered", "dotted", "sky", *COLORS, *THINGS,
)  # fmt: skip
"""Every word that a caption may have."""


@dataclass(frozen=True)
class _Placed:
    """A thing in a scene, in units of the picture's side."""

    kind: str
    color: str
    center: tuple[float, float]
    radius: float
    words: str


class CaptionScenes(Source):
    """Give endless small scenes with captions and their exact truth.

    Scene k is determined by the seed and k alone. One to three things of 13 kinds and 12 colors
    stand before a plain, striped, checkered or dotted background or under a sky. The caption
    names them, sometimes with their size and place.

    A scene is a `Sample` with ``image``, ``text``, ``depth`` (0 far to 1 near), ``mask`` (0 the
    background, 1, 2, ... the things, the back one first) and ``meta``: ``objects`` with
    kind, color and label, and ``background`` with pattern and color.

    Args:
        size_px: side of the picture.
        seed: of all scenes.
        count: how many there are.
        things: fewest and most things in a scene.
        hint: which picture guides a generator: ``lines`` is a drawing, black on white, of all
            outlines; ``edges`` the same, white on black; ``depth`` is white where near; ``mask``
            has a gray for each thing.

    Raises:
        RangeError: the fewest things are more than the most.

    Example:
        >>> scene = CaptionScenes(seed=3)[5]
        >>> scene.image.shape, scene.text
        ((64, 64, 3), 'a teal ball on the right on a black dotted background')
    """

    size_px: Annotated[int, Between(16, 1024)] = 64
    seed: int = 0
    count: Annotated[int, Between(1)] = 1_000_000
    things: Annotated[tuple[int, int], Between(1, 3)] = (1, 3)
    hint: Literal["none", "lines", "edges", "depth", "mask"] = "none"

    def check(self) -> None:
        if self.things[0] > self.things[1]:
            raise RangeError(f"CaptionScenes.things: {self.things} is no range")

    def __len__(self) -> int:
        return self.count

    def read(self, index: int, rng: Rng) -> Sample:
        """Give a scene; the seed and the number alone determine it, the dice do not."""
        rng = np.random.default_rng((self.seed, index))
        count = int(rng.integers(self.things[0], self.things[1] + 1))
        placed = _place(rng, count)
        while len(placed) < self.things[0]:  # large ones in the middle left no room
            placed = _place(rng, count)
        used = {thing.color for thing in placed}
        pattern = PATTERNS[rng.integers(len(PATTERNS))]
        free = [c for c in (SKIES if pattern == "sky" else COLORS) if c not in used]
        color = free[rng.integers(len(free))] if free else "gray"
        painting = _Painting(self.size_px, rng)
        painting.background(pattern, color)
        for thing in placed:
            painting.add(thing)
        hint = None if self.hint == "none" else painting.hint(self.hint)
        return Sample(
            painting.image(),
            mask=painting.mask(),
            depth=painting.shrunk(painting.depth),
            hint=hint,
            text=_caption(placed, pattern, color),
            meta={
                "objects": [
                    {"kind": t.kind, "color": t.color, "label": k}
                    for k, t in enumerate(placed, start=1)
                ],
                "background": {"pattern": pattern, "color": color},
            },
        )


def _place(rng: np.random.Generator, count: int) -> list[_Placed]:
    """Choose things that hide each other a little at most, the back one first."""
    kinds, names = list(THINGS), list(COLORS)
    placed: list[_Placed] = []
    for _ in range(count):
        for _attempt in range(30):
            radius = rng.uniform(0.14, 0.36) if count == 1 else rng.uniform(0.13, 0.26)
            x, y = rng.uniform(radius * 0.9, 1 - radius * 0.9, 2)
            far = [
                np.hypot(x - p.center[0], y - p.center[1]) - 0.8 * (radius + p.radius)
                for p in placed
            ]
            if all(gap > 0 for gap in far):
                break
        else:
            continue
        kind, color = kinds[rng.integers(len(kinds))], names[rng.integers(len(names))]
        words = f"{_size_word(rng, radius)}{color} {kind}{_place_words(rng, x, y)}"
        placed.append(_Placed(kind, color, (float(x), float(y)), float(radius), words))
    return placed


def _size_word(rng: np.random.Generator, radius: float) -> str:
    if rng.random() < 0.5 or 0.17 <= radius <= 0.22:
        return ""
    return "small " if radius < 0.17 else "large "


def _place_words(rng: np.random.Generator, x: float, y: float) -> str:
    told = []
    if x < 0.36 or x > 0.64:
        told.append(" on the left" if x < 0.5 else " on the right")
    if y < 0.36 or y > 0.64:
        told.append(" at the top" if y < 0.5 else " at the bottom")
    return told[rng.integers(len(told))] if told and rng.random() < 0.4 else ""


def _caption(placed: list[_Placed], pattern: str, color: str) -> str:
    things = " and ".join(_with_article(thing.words) for thing in placed)
    if pattern == "sky":
        return f"{things} under {_with_article(color)} sky"
    how = "" if pattern == "plain" else f" {pattern}"
    return f"{things} on {_with_article(color)}{how} background"


def _with_article(words: str) -> str:
    return f"{'an' if words.startswith('orange') else 'a'} {words}"


class _Painting:
    """A scene being painted, several pixels fine, the back first."""

    def __init__(self, size_px: int, rng: np.random.Generator) -> None:
        self.rng, self.side = rng, size_px * FINE
        shape = (self.side, self.side)
        self.color = np.zeros((*shape, 3), np.float32)
        self.depth = np.zeros(shape, np.float32)
        self.label = np.zeros(shape, np.uint8)
        self.part = np.zeros(shape, np.int16)
        self.parts = self.things = 0
        ramp = np.linspace(-1, 1, self.side, dtype=np.float32)
        self.light = 1.0 - 0.09 * (ramp[:, None] + ramp[None, :])

    def _tone(self, name: str) -> NDArray[np.float32]:
        jitter = self.rng.uniform(-8, 8, 3)
        return np.clip(np.array(COLORS[name]) + jitter, 0, 255).astype(np.float32)

    def background(self, pattern: str, name: str) -> None:
        """Paint what is behind."""
        tone = self._tone(name)
        other = tone + (255 - tone) * 0.28 if tone.mean() < 190 else tone * 0.84
        cells = int(self.rng.integers(5, 9))
        place = np.arange(self.side, dtype=np.float32) / self.side
        x, y = place[None, :], place[:, None]
        self.color[:] = tone
        if pattern == "striped":
            angle = self.rng.choice([0.0, np.pi / 4, np.pi / 2])
            self.color[np.floor((x * np.cos(angle) + y * np.sin(angle)) * cells * 1.6) % 2 == 1] = (
                other
            )
        elif pattern == "checkered":
            self.color[(np.floor(x * cells) + np.floor(y * cells)) % 2 == 1] = other
        elif pattern == "dotted":
            self.color[np.hypot(x * cells % 1 - 0.5, y * cells % 1 - 0.5) < 0.28] = other
        elif pattern == "sky":
            self.color[:] = tone + (255 - tone) * (0.35 * y[..., None])
            horizon = int(self.rng.uniform(0.62, 0.8) * self.side)
            self.color[horizon:] = GROUND * self.light[horizon:, :, None]
            self.part[horizon:] = self.parts = 1

    def add(self, thing: _Placed) -> None:
        """Paint a thing before all that is there."""
        self.things += 1
        tone = self._tone(thing.color)
        tones: dict[Role, NDArray[np.float32]] = {
            "main": tone,
            "light": tone + (255 - tone) * 0.6,
            "dark": tone * 0.62,
            "wood": WOOD,
        }
        near = 0.3 + 0.22 * self.things
        for part in THINGS[thing.kind]():
            box, inside = self._inside(part, thing)
            self.parts += 1
            self.color[box][inside] = tones[part.role] * self.light[box][inside][:, None]
            self.label[box][inside] = self.things
            self.part[box][inside] = self.parts
            self.depth[box][inside] = near
        if thing.kind == "ball":
            self._round_off(thing, near)

    def _inside(self, part: Part, thing: _Placed) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
        """Give the box that a part lies in, and which of its pixels are inside the outline."""
        # Pixel centres lie at integers.
        points = (np.array(thing.center) + thing.radius * part.outline) * self.side - 0.5
        low = np.clip(np.floor(points.min(axis=0)).astype(int) - 1, 0, self.side)
        high = np.clip(np.ceil(points.max(axis=0)).astype(int) + 2, 0, self.side)
        canvas = np.zeros((max(high[1] - low[1], 1), max(high[0] - low[0], 1)), np.uint8)
        fixed = np.rint((points - low) * 16).astype(np.int32)  # four bits behind the point
        cv2.fillPoly(canvas, [fixed], 1, shift=4)
        box = (slice(low[1], high[1]), slice(low[0], high[0]))
        return box, canvas[: high[1] - low[1], : high[0] - low[0]] > 0

    def _round_off(self, thing: _Placed, near: float) -> None:
        """Shade a ball, and let its depth bulge."""
        place = np.arange(self.side, dtype=np.float32) / self.side
        x, y = place[None, :], place[:, None]
        u = (x - thing.center[0]) / (0.95 * thing.radius)
        v = (y - thing.center[1]) / (0.95 * thing.radius)
        height = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
        ball = self.label == self.things
        shade = np.clip(0.55 + 0.5 * (0.5 * height - 0.5 * u - 0.6 * v), 0.35, 1.1)
        self.color[ball] *= shade[ball][:, None]
        self.depth[ball] = (near - 0.12 + 0.12 * height)[ball]

    def shrunk(self, plane: NDArray[Any]) -> NDArray[np.float32]:
        """Average the fine pixels."""
        size = self.side // FINE
        small = cv2.resize(plane.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32)

    def image(self) -> NDArray[np.uint8]:
        """Give the picture."""
        small = self.shrunk(np.clip(self.color, 0, 255))
        return np.rint(small).astype(np.uint8)

    def mask(self) -> NDArray[np.int32]:
        """Give the label that has most of each pixel; the lower one where two have the same."""
        shares = [self.shrunk(self.label == k) for k in range(self.things + 1)]
        most: NDArray[np.int32] = np.argmax(shares, axis=0).astype(np.int32)
        return most

    def hint(self, kind: str) -> NDArray[np.uint8]:
        """Give a picture that guides, (h, w, 1)."""
        if kind == "depth":
            plane = self.shrunk(self.depth)
        elif kind == "mask":
            plane = np.asarray(self.mask() / 3, np.float32)
        else:
            drawn = self._drawn()
            plane = 1 - drawn if kind == "lines" else drawn
        return np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)[..., None]

    def _drawn(self) -> NDArray[np.float32]:
        """Draw all outlines with a pen of a pixel and a half."""
        border = np.zeros(self.part.shape, np.uint8)
        border[:, 1:] |= self.part[:, 1:] != self.part[:, :-1]
        border[1:] |= self.part[1:] != self.part[:-1]
        pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (FINE + 2, FINE + 2))
        return self.shrunk(cv2.dilate(border, pen))
