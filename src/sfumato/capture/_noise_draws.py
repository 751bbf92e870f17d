"""The compiled loop behind `NoiseModel.apply`.

Counts below 32 electrons are exact: a Poisson number of mean m is the sum of one of
mean floor(m), looked up in the table of its distribution, and one of mean m - floor(m) < 1,
found in a step or two. Above, the normal law is bent by the Cornish-Fisher expansion
to the third order and rounded.
"""

# ruff: noqa: PLR0917 (compiled loops take plain arrays, and no keywords)

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._tukey_lambda import tukey_deviation
from sfumato.core.compiled import compiled
from sfumato.errors import RangeError

if TYPE_CHECKING:
    from sfumato.capture.noise_model import NoiseModel
    from sfumato.core.operator import Rng

__all__ = ["disturb"]

TABLE_MEANS = 32
COUNTS = 128
"""A count of mean 31 exceeds this once in 1e37."""
GUIDES = 256
BLOCK = 1 << 18


def disturb(model: NoiseModel, light: NDArray[Any], rng: Rng, *, clip: bool) -> NDArray[Any]:
    """Add the noise of a model to light whose shape and dtype have been checked."""
    if light.size == 0:
        return light.copy()
    if model.is_mosaic(light):
        rows, site = light.reshape(light.shape[0], light.shape[1], 1), np.array([[0, 1], [2, 3]])
    elif model.colors > 1:
        rows, site = light, np.zeros((2, 2), np.intp)
    else:
        sensor_rows = math.prod(light.shape[: max(light.ndim - 2, 1)]) if light.ndim > 1 else 1
        rows, site = light.reshape(sensor_rows, -1, 1), np.zeros((2, 2), np.intp)
    out = np.empty(rows.shape, light.dtype)
    gain, black, white, bias, sigma = (
        np.broadcast_to(np.asarray(values, np.float64), model.colors)
        for values in (model.gain, model.black, model.white, model.bias, model.read_noise)
    )
    parameters = np.stack([gain, sigma, bias, -black, white - black])
    tail = math.nan if model.tail is None else model.tail
    if model.tail is not None:
        parameters[1] /= tukey_deviation(model.tail)
    row_offsets = _row_offsets(model, rows, rng)
    per_row = max(1, rows.shape[1] * rows.shape[2])
    height = max(2, BLOCK // per_row // 2 * 2)  # even, so that each block starts a cell
    for top in range(0, rows.shape[0], height):
        part = rows[top : top + height]
        uniform = rng.random((2, *part.shape))
        normal = rng.standard_normal(part.shape, np.float32)
        read = (
            rng.standard_normal(part.shape, np.float32)
            if model.tail is None
            else rng.random(part.shape, np.float32)
        )
        fine = _disturb_block(
            part, uniform[0], uniform[1], normal, read, row_offsets[top : top + height],
            site, parameters, tail, model.step, clip, *_tables(), out[top : top + height],
        )  # fmt: skip
        if not fine:
            raise RangeError("NoiseModel.apply: the light holds NaN or infinite values")
    return out.reshape(light.shape)


def _row_offsets(model: NoiseModel, rows: NDArray[Any], rng: Rng) -> NDArray[np.float64]:
    """Draw one offset a row of the sensor; four packed sites are two rows."""
    packed = rows.shape[2] == 4
    if model.row_noise == 0.0:
        return np.zeros((rows.shape[0], 2))
    drawn = rng.standard_normal((rows.shape[0], 2 if packed else 1)) * model.row_noise
    return np.ascontiguousarray(np.broadcast_to(drawn, (rows.shape[0], 2)))


@functools.cache
def _tables() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Tabulate the distribution of counts of mean 0 to 31, and where to start looking."""
    means = np.arange(TABLE_MEANS, dtype=np.float64)[:, None]
    counts = np.arange(COUNTS, dtype=np.float64)
    logs = np.array([math.lgamma(k + 1.0) for k in counts])
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.exp(counts * np.log(means) - means - logs)
    chance[0] = counts == 0
    cumulative = np.minimum(np.cumsum(chance, axis=1), 1.0)
    cumulative[:, -1] = 1.0
    starts = np.stack(
        [np.searchsorted(row, np.arange(GUIDES) / GUIDES, "right") for row in cumulative]
    )
    return cumulative, starts.astype(np.int64)


@compiled
def _few(mean: float, u: float, v: float, cumulative: Any, starts: Any) -> float:
    whole = int(mean)
    count = starts[whole, int(u * GUIDES)]
    while cumulative[whole, count] <= u:
        count += 1
    rest = mean - whole
    chance = math.exp(-rest)
    more, reached = 0, chance
    while reached <= v and more < COUNTS:
        more += 1
        chance *= rest / more
        reached += chance
    return float(count + more)


@compiled
def _many(mean: float, z: float) -> float:
    root = math.sqrt(mean - 1.0 / 12.0)  # rounding gives the twelfth back
    square = z * z
    bent = mean + root * z + (square - 1.0) / 6.0 + z * (1.0 - square) / (72.0 * root)
    return max(math.floor(bent + 0.5), 0.0)


@compiled
def _tukey(u: float, tail: float) -> float:
    # The middle of the float's interval, so that neither end is reached.
    low, high = np.float32(u + 2.98e-8), np.float32(1.0 - u - 2.98e-8)
    if abs(tail) < 1e-4:
        return float(math.log(low) - math.log(high))
    return float((low**tail - high**tail) / tail)


@compiled
def _disturb_block(
    light: Any, u: Any, v: Any, z: Any, read: Any, row_offsets: Any, site: Any,
    parameters: Any, tail: float, step: float, clip: bool, cumulative: Any, starts: Any, out: Any,
) -> bool:  # fmt: skip
    height, width, channels = light.shape
    normal = math.isnan(tail)
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                value = float(light[y, x, c])
                if not math.isfinite(value):
                    return False
                k = site[y & 1, x & 1] + c
                gain = parameters[0, k]
                if gain > 0.0 and value > 0.0:
                    mean = value / gain
                    if mean < TABLE_MEANS:
                        value = gain * _few(mean, u[y, x, c], v[y, x, c], cumulative, starts)
                    else:
                        value = gain * _many(mean, float(z[y, x, c]))
                drawn = float(read[y, x, c])
                if not normal:
                    drawn = _tukey(drawn, tail)
                value += parameters[1, k] * drawn + parameters[2, k]
                value += row_offsets[y, 1 if c >= 2 else 0]
                if step > 0.0:
                    # Readings are whole steps above the raw zero, not above black.
                    value = math.floor((value - parameters[3, k]) / step + 0.5) * step
                    value += parameters[3, k]
                if clip:
                    value = min(max(value, parameters[3, k]), parameters[4, k])
                out[y, x, c] = value
    return True
