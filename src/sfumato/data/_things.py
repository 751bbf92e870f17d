"""Outlines of simple things, as a child would cut them out of paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["THINGS", "Part", "Role"]

Role = Literal["main", "light", "dark", "wood"]
"""The thing's own color, a lighter and a darker tone of it, or brown."""
Outline = NDArray[np.float64]


class Part(NamedTuple):
    """A closed outline in -1..1, y downwards, and which color it has."""

    outline: Outline
    role: Role = "main"


def _round(x: float, y: float, rx: float, ry: float | None = None, corners: int = 48) -> Outline:
    angle = np.arange(corners) * (2 * np.pi / corners)
    ry = rx if ry is None else ry
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def _corners(*points: tuple[float, float]) -> Outline:
    return np.array(points, np.float64)


def _box(left: float, top: float, right: float, bottom: float) -> Outline:
    return _corners((left, top), (right, top), (right, bottom), (left, bottom))


def _circle() -> list[Part]:
    return [Part(_round(0, 0, 0.95))]


def _ball() -> list[Part]:
    return [Part(_round(0, 0, 0.95)), Part(_round(-0.32, -0.36, 0.26, 0.2), "light")]


def _square() -> list[Part]:
    return [Part(_box(-0.85, -0.85, 0.85, 0.85))]


def _triangle() -> list[Part]:
    return [Part(_corners((0, -0.95), (0.95, 0.8), (-0.95, 0.8)))]


def _star() -> list[Part]:
    angle = np.arange(10) * (np.pi / 5) - np.pi / 2
    radius = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
    return [Part(np.stack([radius * np.cos(angle), 0.05 + radius * np.sin(angle)], axis=1))]


def _heart() -> list[Part]:
    t = np.arange(60) * (2 * np.pi / 60)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [Part(np.stack([x / 17, (-y - 2) / 17], axis=1))]


def _ring() -> list[Part]:
    # One outline that runs around the rim and back around the hole.
    rim, hole = _round(0, 0, 0.95), _round(0, 0, 0.5)
    return [Part(np.concatenate([rim, rim[:1], hole[:1], hole[::-1]]))]


def _house() -> list[Part]:
    return [
        Part(_box(-0.7, -0.15, 0.7, 0.9)),
        Part(_corners((0, -0.95), (0.95, -0.12), (-0.95, -0.12)), "dark"),
        Part(_box(-0.18, 0.3, 0.2, 0.9), "wood"),
        Part(_box(0.34, 0.1, 0.58, 0.36), "light"),
    ]


def _tree() -> list[Part]:
    return [
        Part(_box(-0.14, 0.2, 0.14, 0.98), "wood"),
        Part(_round(0, -0.25, 0.72, 0.7)),
    ]


def _flower() -> list[Part]:
    angle = np.arange(5) * (2 * np.pi / 5) - np.pi / 2
    petals = [Part(_round(0.5 * np.cos(a), 0.5 * np.sin(a), 0.4)) for a in angle]
    return [*petals, Part(_round(0, 0, 0.3), "light")]


def _fish() -> list[Part]:
    return [
        Part(_corners((0.35, 0), (0.98, -0.55), (0.86, 0), (0.98, 0.55)), "dark"),
        Part(_round(-0.2, 0, 0.75, 0.5)),
        Part(_round(-0.55, -0.12, 0.1), "light"),
    ]


def _boat() -> list[Part]:
    return [
        Part(_box(-0.06, -0.9, 0.06, 0.3), "wood"),
        Part(_corners((0.1, -0.9), (0.8, 0.1), (0.1, 0.1)), "light"),
        Part(_corners((-0.95, 0.3), (0.95, 0.3), (0.6, 0.85), (-0.6, 0.85))),
    ]


def _balloon() -> list[Part]:
    return [
        Part(_box(-0.03, 0.45, 0.03, 1.0), "wood"),
        Part(_corners((0, 0.3), (0.14, 0.5), (-0.14, 0.5)), "dark"),
        Part(_round(0, -0.3, 0.58, 0.68)),
    ]


THINGS: dict[str, Callable[[], list[Part]]] = {
    "circle": _circle,
    "ball": _ball,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "heart": _heart,
    "ring": _ring,
    "house": _house,
    "tree": _tree,
    "flower": _flower,
    "fish": _fish,
    "boat": _boat,
    "balloon": _balloon,
}
