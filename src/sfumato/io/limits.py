"""How large a picture may be before it is refused."""

from __future__ import annotations

import os

from sfumato.errors import FileError, RangeError

__all__ = ["DEFAULT_MAX_PIXELS", "ENVIRONMENT_VARIABLE", "check_pixels", "pixel_limit"]

DEFAULT_MAX_PIXELS = 250_000_000
"""Larger than any camera's single frame, small enough for 1 GB of 8-bit RGBA."""
ENVIRONMENT_VARIABLE = "SFUMATO_MAX_PIXELS"


def pixel_limit(max_pixels: int | None = None) -> int:
    """Give the number of pixels that one picture may have.

    Args:
        max_pixels: the caller's own limit; without it the environment variable
            ``SFUMATO_MAX_PIXELS`` counts, and without that 250 million.

    Raises:
        RangeError: the limit is not a whole number above 0.

    Example:
        >>> pixel_limit(1000)
        1000
    """
    if max_pixels is not None:
        if isinstance(max_pixels, bool) or not isinstance(max_pixels, int) or max_pixels < 1:
            raise RangeError(f"max_pixels: expected a whole number above 0, got {max_pixels!r}")
        return max_pixels
    text = os.environ.get(ENVIRONMENT_VARIABLE, "").strip()
    if not text:
        return DEFAULT_MAX_PIXELS
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) > 0):
        raise RangeError(
            f"{ENVIRONMENT_VARIABLE}: expected a whole number above 0, got {text[:40]!r}",
            hint=f"for example {ENVIRONMENT_VARIABLE}=500000000",
        )
    return int(text)


def check_pixels(name: object, width: int, height: int, limit: int) -> None:
    """Refuse a picture whose header promises more pixels than the limit, or none.

    Raises:
        FileError: the picture is too large or empty.
    """
    if width < 1 or height < 1:
        raise FileError(f"{name}: the header promises {width} x {height} px, this is no picture")
    if width * height > limit:
        raise FileError(
            f"{name}: the header promises {width} x {height} px, more than the limit of "
            f"{limit:,} pixels",
            hint=f"if you trust the file, raise it with max_pixels= or {ENVIRONMENT_VARIABLE}",
        )
