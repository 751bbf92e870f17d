"""The arithmetic of sliding windows: how many places a kernel has, and back.

One axis at a time: n samples, ``padding`` more on either side, a kernel of k taps
that lie ``dilation`` apart and so span ``dilation (k - 1) + 1`` samples, moved by
``stride``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["input_sizes", "output_size", "transposed_size"]

Whole = int | Sequence[int]


@overload
def output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int: ...
@overload
def output_size(
    size: Sequence[int],
    kernel: Whole,
    stride: Whole = 1,
    padding: Whole = 0,
    dilation: Whole = 1,
) -> tuple[int, ...]: ...


def output_size(
    size: Whole, kernel: Whole, stride: Whole = 1, padding: Whole = 0, dilation: Whole = 1
) -> int | tuple[int, ...]:
    """Count the places of a window: ``(size + 2 padding - span) // stride + 1``.

    Args:
        size: samples along an axis, or one number for each axis.
        kernel: taps of the window.
        stride: samples from one place to the next.
        padding: samples added on either side.
        dilation: samples from one tap to the next; 1 has no gaps.

    Shape:
        each of the others is one number for all axes, or as many as ``size`` has.

    Raises:
        ShapeError: the window does not fit once, or the axes differ in number.
        RangeError: a number is below what it may be.

    Example:
        >>> output_size(224, kernel=7, stride=2, padding=3)
        112
        >>> output_size((480, 640), kernel=3, stride=2, padding=1)
        (240, 320)
    """
    rows = _by_axis(size, {"kernel": kernel, "stride": stride, "padding": padding}, dilation)
    places = []
    for length, taps, step, pad, gap in rows:
        span = gap * (taps - 1) + 1
        if span > length + 2 * pad:
            raise ShapeError(
                f"output_size: a window of {span} does not fit into {length} samples "
                f"with {pad} more on either side",
                hint="use a smaller kernel or dilation, a larger picture, or more padding",
            )
        places.append((length + 2 * pad - span) // step + 1)
    return places[0] if isinstance(size, int) else tuple(places)


@overload
def transposed_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    output_padding: int = 0,
) -> int: ...
@overload
def transposed_size(
    size: Sequence[int],
    kernel: Whole,
    stride: Whole = 1,
    padding: Whole = 0,
    dilation: Whole = 1,
    output_padding: int = 0,
) -> tuple[int, ...]: ...


def transposed_size(  # noqa: PLR0917 (the order that every framework has)
    size: Whole,
    kernel: Whole,
    stride: Whole = 1,
    padding: Whole = 0,
    dilation: Whole = 1,
    output_padding: int = 0,
) -> int | tuple[int, ...]:
    """Give the size that a transposed convolution makes.

    It is the smallest size that `output_size` brings to ``size``, plus
    ``output_padding``, which picks one of the ``stride`` sizes that do.

    Args:
        size: samples along an axis, or one number for each axis.
        kernel: taps of the window.
        stride: samples of the result from one place to the next.
        padding: samples cut off on either side.
        dilation: samples from one tap to the next.
        output_padding: samples added at the end, below the stride.

    Raises:
        ShapeError: nothing is left after the padding is cut off.
        RangeError: a number is below what it may be, or output_padding is not below
            the stride.

    Example:
        >>> transposed_size(112, kernel=4, stride=2, padding=1)
        224
    """
    rows = _by_axis(size, {"kernel": kernel, "stride": stride, "padding": padding}, dilation)
    lengths = []
    for places, taps, step, pad, gap in rows:
        if not 0 <= output_padding < step:
            raise RangeError(
                f"transposed_size: output_padding {output_padding} is outside [0, {step - 1}]",
                hint="it picks among the sizes that a stride cannot tell apart",
            )
        length = (places - 1) * step + gap * (taps - 1) + 1 - 2 * pad + output_padding
        if length < 1:
            raise ShapeError(f"transposed_size: padding {pad} cuts everything off")
        lengths.append(length)
    return lengths[0] if isinstance(size, int) else tuple(lengths)


def input_sizes(
    places: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> range:
    """List every size that `output_size` brings to a number of places.

    Args:
        places: the output size wanted.
        kernel: taps of the window.
        stride: samples from one place to the next.
        padding: samples added on either side.
        dilation: samples from one tap to the next.

    Example:
        >>> list(input_sizes(112, kernel=7, stride=2, padding=3))
        [223, 224]
    """
    [(count, taps, step, pad, gap)] = _by_axis(
        places, {"kernel": kernel, "stride": stride, "padding": padding}, dilation
    )
    least = (count - 1) * step + gap * (taps - 1) + 1 - 2 * pad
    return range(max(1, least), max(1, least + step))


def _by_axis(
    size: Whole, settings: dict[str, Whole], dilation: Whole
) -> list[tuple[int, int, int, int, int]]:
    lengths = _numbers("size", size, 1)
    columns = [lengths]
    for name, value in {**settings, "dilation": dilation}.items():
        numbers = _numbers(name, value, 0 if name == "padding" else 1)
        if len(numbers) not in (1, len(lengths)):
            raise ShapeError(
                f"'{name}' has {len(numbers)} numbers for {len(lengths)} axes",
                hint="give one number, or one for each axis",
            )
        columns.append(numbers * (len(lengths) // len(numbers)))
    return list(zip(*columns, strict=True))


def _numbers(name: str, value: Whole, least: int) -> tuple[int, ...]:
    numbers = tuple(value) if isinstance(value, Sequence) else (value,)
    if not numbers or any(not isinstance(n, int) or isinstance(n, bool) for n in numbers):
        raise DtypeError(f"'{name}' must be whole numbers, got {value!r}")
    if min(numbers) < least:
        raise RangeError(f"'{name}' must be at least {least}, got {value!r}")
    return numbers
