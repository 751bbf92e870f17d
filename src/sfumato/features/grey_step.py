"""What the grey values along a fitted curve say about its edge."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GreyStep"]


@dataclass(frozen=True, slots=True)
class GreyStep:
    """The blurred step that explains the pixels around a curve.

    Args:
        dark: value on the dark side, unit range.
        bright: value on the bright side, unit range.
        blur_px: standard deviation of the Gaussian before the pixels integrate.
        noise_sd: what the step leaves over, root mean square, unit range.
        pixels: how many pixels took part.
    """

    dark: float
    bright: float
    blur_px: float
    noise_sd: float
    pixels: int
