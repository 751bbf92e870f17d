"""Fields of chance from one seed: fast, and the same wherever they are drawn.

The numbers come from SplitMix64, a counter that is stirred; the normal ones by the
Ziggurat of 256 layers, which is exact to the resolution of a float32.

References:
    G. L. Steele, D. Lea, C. H. Flood. Fast Splittable Pseudorandom Number Generators.
    OOPSLA 2014. doi:10.1145/2660193.2660195
    G. Marsaglia, W. W. Tsang. The Ziggurat Method for Generating Random Variables.
    Journal of Statistical Software, 2000. doi:10.18637/jss.v005.i08
"""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = [
    "add_field",
    "add_normal",
    "coarse",
    "draw_seed",
    "enlarge",
    "mix_field",
    "multiply_field",
    "normal_field",
    "normal_tables",
    "stirred",
    "uniform_field",
    "unit_of",
]

STRIDE = np.uint64(0x9E3779B97F4A7C15)
STIR_1 = np.uint64(0xBF58476D1CE4E5B9)
STIR_2 = np.uint64(0x94D049BB133111EB)
EDGE = 3.6541528853610088
"""Where the tail begins, for 256 layers."""
LAYER_AREA = 0.00492867323399
SCALE = 1 << 23


def draw_seed(rng: Rng) -> int:
    """Draw the seed of a field; it fits into any file."""
    return int(rng.integers(0, 1 << 62))


@functools.cache
def normal_tables() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Give the layers of the Ziggurat: edges, densities, and both prepared for 24-bit numbers."""
    edges = [LAYER_AREA / math.exp(-0.5 * EDGE * EDGE), EDGE]
    for _ in range(254):
        below = LAYER_AREA / edges[-1] + math.exp(-0.5 * edges[-1] ** 2)
        edges.append(math.sqrt(-2.0 * math.log(below)))
    x = np.array([*edges, 0.0])
    inside = (x[1:] / x[:-1] * SCALE).astype(np.int32)
    step = (x[:-1] / SCALE).astype(np.float32)
    return x, np.exp(-0.5 * x * x), inside, step


def normal_field(seed: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Give numbers of the normal law, mean 0 and deviation 1."""
    out = np.empty(math.prod(shape), np.float32)
    _fill_normal(np.uint64(seed), out, *normal_tables())
    return out.reshape(shape)


def uniform_field(seed: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Give numbers of the uniform law on [0, 1)."""
    out = np.empty(math.prod(shape), np.float32)
    _fill_uniform(np.uint64(seed), out)
    return out.reshape(shape)


def add_normal(image: Image, mean: float, deviation: float, seed: int) -> Image:
    """Add normal noise to every value, rounded to the nearest level and ended at both ends."""
    if image.dtype != np.uint8:
        return add_field(image, normal_field(seed, image.shape) * np.float32(deviation) + mean)
    values = np.ascontiguousarray(image).reshape(-1)
    out = np.empty_like(values)
    _add_normal_8(
        values, np.float32(mean), np.float32(deviation), np.uint64(seed), out, *normal_tables()
    )
    return out.reshape(image.shape)


def add_field(image: Image, field: NDArray[np.float32]) -> Image:
    """Add a field (h, w, c), or (h, w, 1) for all channels alike; see `add_normal`."""
    white = full_range(image.dtype)
    if image.dtype != np.float32:
        out = np.empty(image.shape, image.dtype)
        _add_field(np.ascontiguousarray(image), field, np.float32(white), out)
        return out
    return np.clip(image + field, 0.0, white)


def multiply_field(image: Image, field: NDArray[np.float32]) -> Image:
    """Multiply by a field (h, w, c) or (h, w, 1); integers are rounded down and ended at white."""
    white = full_range(image.dtype)
    if image.dtype != np.float32:
        out = np.empty(image.shape, image.dtype)
        _multiply_field(np.ascontiguousarray(image), field, np.float32(white), out)
        return out
    return np.clip(image * field, 0.0, white)


def mix_field(image: Image, factor: NDArray[np.float32], summand: NDArray[np.float32]) -> Image:
    """Give v factor + summand, rounded to the nearest level and ended at both ends.

    Shape:
        image (h, w, c); factor (h, w, 1); summand (h, w, 1) or (h, w, c).
    """
    out = np.empty(image.shape, image.dtype)
    white = np.float32(full_range(image.dtype))
    half = np.float32(0.0 if image.dtype == np.float32 else 0.5)
    _mix_field(np.ascontiguousarray(image), factor, summand, white, half, out)
    return out


def coarse(seed: int, shape: tuple[int, int, int], share: float) -> NDArray[np.float32]:
    """Give a normal field drawn at a share of the size and enlarged to it."""
    height, width, channels = shape
    if share >= 1.0:
        return normal_field(seed, shape)
    small = normal_field(seed, (max(1, int(height * share)), max(1, int(width * share)), channels))
    return enlarge(small, height, width)


def enlarge(field: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Enlarge a field of any number of channels between its points."""
    planes = [
        cv2.resize(np.ascontiguousarray(field[..., c]), (width, height))
        for c in range(field.shape[2])
    ]
    return np.stack(planes, axis=-1)


@compiled
def stirred(state: Any) -> Any:
    """Stir a counter into 64 random bits."""
    z = (state ^ (state >> np.uint64(30))) * STIR_1
    z = (z ^ (z >> np.uint64(27))) * STIR_2
    return z ^ (z >> np.uint64(31))


@compiled
def unit_of(bits: Any) -> float:
    """Read 64 random bits as a number above 0 and below 1."""
    return (float(bits >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@compiled
def _outside(layer: int, whole: int, state: Any, x: Any, density: Any, inside: Any) -> Any:
    # The one draw in a hundred that does not fall inside its layer's rectangle.
    while True:
        value = whole * x[layer] / SCALE
        if layer == 0:
            while True:
                state += STRIDE
                a = -math.log(unit_of(stirred(state))) / EDGE
                state += STRIDE
                if -2.0 * math.log(unit_of(stirred(state))) > a * a:
                    return (EDGE + a if whole >= 0 else -EDGE - a), state
        state += STRIDE
        height = unit_of(stirred(state))
        below, above = density[layer], density[layer + 1]
        if below + height * (above - below) < math.exp(-0.5 * value * value):
            return value, state
        state += STRIDE
        bits = stirred(state)
        layer = int(bits & np.uint64(255))
        whole = int(np.int32(np.uint32(bits >> np.uint64(32)))) >> 8
        if abs(whole) < inside[layer]:
            return whole * x[layer] / SCALE, state


@compiled
def _fill_normal(seed: Any, out: Any, x: Any, density: Any, inside: Any, step: Any) -> None:
    state = stirred(seed + STRIDE)
    bits = np.uint64(0)
    for j in range(out.size):
        if j & 1 == 0:
            state += STRIDE
            bits = stirred(state)
        else:
            bits = bits >> np.uint64(32)
        layer = int(bits & np.uint64(255))
        whole = np.int32(np.uint32(bits)) >> np.int32(8)
        if abs(whole) < inside[layer]:
            out[j] = np.float32(whole) * step[layer]
        else:
            value, state = _outside(layer, int(whole), state, x, density, inside)
            out[j] = np.float32(value)


@compiled
def _add_normal_8(
    values: Any, mean: Any, deviation: Any, seed: Any, out: Any,
    x: Any, density: Any, inside: Any, step: Any,
) -> None:  # fmt: skip
    state = stirred(seed + STRIDE)
    bits = np.uint64(0)
    low, high = np.float32(0.0), np.float32(255.0)
    shift = mean + np.float32(0.5)
    for j in range(values.size):
        if j & 1 == 0:
            state += STRIDE
            bits = stirred(state)
        else:
            bits = bits >> np.uint64(32)
        layer = int(bits & np.uint64(255))
        whole = np.int32(np.uint32(bits)) >> np.int32(8)
        if abs(whole) < inside[layer]:
            noise = np.float32(whole) * step[layer]
        else:
            value, state = _outside(layer, int(whole), state, x, density, inside)
            noise = np.float32(value)
        level = np.float32(values[j]) + deviation * noise + shift
        out[j] = np.uint8(min(max(level, low), high))


@compiled
def _fill_uniform(seed: Any, out: Any) -> None:
    # A hash of the place in 32 bits, which a vector computes many at a time.
    key = np.uint32(stirred(seed + STRIDE))
    extra = np.uint32(stirred(seed + STRIDE) >> np.uint64(32))
    for j in range(out.size):
        z = np.uint32(np.uint32(np.uint32(j) + extra) * np.uint32(0x9E3779B9)) ^ key
        z = np.uint32(np.uint32(z ^ np.uint32(z >> np.uint32(16))) * np.uint32(0x21F0AAAD))
        z = np.uint32(np.uint32(z ^ np.uint32(z >> np.uint32(15))) * np.uint32(0x735A2D97))
        z = np.uint32(z ^ np.uint32(z >> np.uint32(15)))
        out[j] = np.float32(np.int32(z >> np.uint32(8))) * np.float32(1.0 / 16777216.0)


@compiled
def _add_field(image: Any, field: Any, white: Any, out: Any) -> None:
    low, half = np.float32(0.0), np.float32(0.5)
    height, width, channels = image.shape
    if field.shape[2] == 1:
        for y in range(height):
            for x in range(width):
                noise = field[y, x, 0] + half
                for c in range(channels):
                    level = np.float32(image[y, x, c]) + noise
                    out[y, x, c] = np.int32(min(max(level, low), white))
        return
    values, noises, to = image.reshape(-1), field.reshape(-1), out.reshape(-1)
    for i in range(values.size):
        level = np.float32(values[i]) + noises[i] + half
        to[i] = np.int32(min(max(level, low), white))


@compiled
def _mix_field(image: Any, factor: Any, summand: Any, white: Any, half: Any, out: Any) -> None:
    height, width, channels = image.shape
    last = summand.shape[2] - 1
    low = np.float32(0.0)
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                level = np.float32(image[y, x, c]) * factor[y, x, 0] + summand[y, x, min(c, last)]
                out[y, x, c] = min(max(level + half, low), white)


@compiled
def _multiply_field(image: Any, field: Any, white: Any, out: Any) -> None:
    low = np.float32(0.0)
    height, width, channels = image.shape
    if field.shape[2] == 1:
        for y in range(height):
            for x in range(width):
                factor = field[y, x, 0]
                for c in range(channels):
                    level = np.float32(image[y, x, c]) * factor
                    out[y, x, c] = np.int32(min(max(level, low), white))
        return
    values, factors, to = image.reshape(-1), field.reshape(-1), out.reshape(-1)
    for i in range(values.size):
        level = np.float32(values[i]) * factors[i]
        to[i] = np.int32(min(max(level, low), white))
