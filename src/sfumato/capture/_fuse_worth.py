"""Compiled loops that say what each pixel of a frame is worth.

Tiles are laid out as in `sfumato.capture._fuse_kernels`. The preference comes as
a vector in the scale of the picture, here called taste: exponents of contrast
and of saturation, steepness of the exposure measure, optimum, the least worth,
the scale of saturation, and for contrast the share of each channel.
"""

# Compiled functions know no keyword-only arguments.
# ruff: noqa: PLR0917

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.capture._fuse_exact import GREY, TINY, Preference
from sfumato.core.compiled import compiled

__all__ = ["add_worth", "as_taste"]

f32 = np.float32
CHUNK = 4096
"""Values that go through all steps of a worth while they are in the nearest cache."""


def as_taste(preference: Preference, white: float, channels: int) -> NDArray[np.float32]:
    """Put a preference into the scale of the picture."""
    grey = GREY if channels == 3 else (1.0,)
    steepness = -0.5 * preference.exposure / (preference.sigma * white) ** 2
    exponents = preference.contrast, preference.saturation
    scales = steepness, preference.optimum * white, TINY, 1.0 / (3.0 * white)
    return np.array([*exponents, *scales, *(share / white for share in grey)], np.float32)


@compiled
def add_worth(planes: Any, m: int, taste: Any, worth: Any, total: Any) -> None:
    """Compute what each pixel of a frame is worth, and add it to the total over the frames.

    Args:
        planes: (channels, 2, rows * m), the first and the last row serve as neighbours only.
        m: pairs of columns.
        taste: see `as_taste`.
        worth: (2, rows * m), written.
        total: (2, rows * m), changed in place.
    """
    last = planes.shape[2] - m
    distance = np.empty(CHUNK, np.float32)
    for parity in range(2):
        for start in range(m, last, CHUNK):
            stop = min(last, start + CHUNK)
            out, added = worth[parity, start:stop], total[parity, start:stop]
            if taste[0] == 0.0:
                out[:] = f32(1.0)
            else:
                _contrast(planes, parity, start, m, taste, out)
            if taste[1] != 0.0 and planes.shape[0] == 3:
                _saturation(planes, parity, start, taste, out)
            _exposure(planes, parity, start, taste, distance, out)
            for i in range(out.shape[0]):
                added[i] += out[i]


@compiled
def _contrast(planes: Any, parity: int, start: int, m: int, taste: Any, out: Any) -> None:
    for channel in range(planes.shape[0]):
        share = taste[6 + channel]
        own, other = planes[channel, parity], planes[channel, 1 - parity]
        here, above, below = own[start:], own[start - m :], own[start + m :]
        left, right = other[start + parity - 1 :], other[start + parity :]
        if channel == 0:
            for i in range(out.shape[0]):
                v = here[i]
                lap = ((above[i] - v) + (below[i] - v)) + ((left[i] - v) + (right[i] - v))
                out[i] = share * lap
        else:
            for i in range(out.shape[0]):
                v = here[i]
                lap = ((above[i] - v) + (below[i] - v)) + ((left[i] - v) + (right[i] - v))
                out[i] += share * lap
    if taste[0] == 1.0:
        for i in range(out.shape[0]):
            out[i] = abs(out[i])
    else:
        for i in range(out.shape[0]):
            out[i] = abs(out[i]) ** taste[0]


@compiled
def _saturation(planes: Any, parity: int, start: int, taste: Any, out: Any) -> None:
    red, green = planes[0, parity, start:], planes[1, parity, start:]
    blue, scale = planes[2, parity, start:], taste[5]
    # The variance from the three differences: exactly 0 where a pixel is grey.
    if taste[1] == 1.0:
        for i in range(out.shape[0]):
            a, b, c = red[i] - green[i], green[i] - blue[i], blue[i] - red[i]
            out[i] *= scale * np.sqrt(a * a + b * b + c * c)
    else:
        for i in range(out.shape[0]):
            a, b, c = red[i] - green[i], green[i] - blue[i], blue[i] - red[i]
            out[i] *= (scale * np.sqrt(a * a + b * b + c * c)) ** taste[1]


@compiled
def _exposure(planes: Any, parity: int, start: int, taste: Any, distance: Any, out: Any) -> None:
    optimum, steepness, tiny = taste[3], taste[2] * f32(1.0 / 64.0), taste[4]
    for channel in range(planes.shape[0]):
        values = planes[channel, parity, start:]
        if channel == 0:
            for i in range(out.shape[0]):
                d = values[i] - optimum
                distance[i] = d * d
        else:
            for i in range(out.shape[0]):
                d = values[i] - optimum
                distance[i] += d * d
    for i in range(out.shape[0]):
        # exp(-z) as the 64th power of a polynomial: good to 4e-5 for z < 10, and where it
        # is good to some percent only, the result is below the least worth.
        y = max(steepness * distance[i], f32(-1.25))
        e = f32(1.0) + y * (f32(1.0) + y * (f32(1 / 2) + y * (f32(1 / 6) + y * f32(1 / 24))))
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        out[i] = out[i] * e + tiny
