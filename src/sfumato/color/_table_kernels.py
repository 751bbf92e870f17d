"""Compiled loops of color tables: one pixel at a time, its channels side by side in a vector.

A table entry is four float32, so that one vector load fetches a color, and a pixel costs eight
multiplications (trilinear) or four (tetrahedral) whatever its depth. The loop compiler does not
find this by itself; the intrinsics below spell it out. They are plain LLVM and run on every
processor that has vectors of four floats.

A pixel is read and written as four values although it may have three: the fourth belongs to its
neighbour, which is written after it. The last pixel of an array is left out, so that nothing is
touched beyond it; whoever calls sends it through a small array of its own.
"""

# Compiled functions know no keyword-only arguments.
# ruff: noqa: PLR0917

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sfumato.core.compiled import compiled

__all__ = ["tetrahedral_pixels", "trilinear_pixels"]

FLOAT, WORD, LONG = ir.FloatType(), ir.IntType(32), ir.IntType(64)
FOUR, FOUR_WORDS = ir.VectorType(FLOAT, 4), ir.VectorType(WORD, 4)
FLAGS = ("contract", "nsz", "arcp", "afn")


class _Pixel:
    """The code of one pixel under construction.

    Args:
        context: of the compiler, which knows how arrays lie in memory.
        builder: takes the instructions.
        signature: types of the arguments: source, place in it, table, its size, scale and
            offset of the three channels, starts and fractions of bytes, result.
        arguments: their values.
    """

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Sequence[Any]):
        self.builder = builder
        _, self.place, _, size, *affine, _, _, _ = arguments
        self.source_type, self.out_type = signature.args[0].dtype, signature.args[-1].dtype
        pointers = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args, arguments, strict=True)
            if isinstance(kind, types.Array)
        ]
        self.source, self.table, self.starts, self.fractions, self.out = pointers
        self.scale, self.offset = self.vector(affine[:3]), self.vector(affine[3:])
        self.size = builder.trunc(size, WORD)
        four = ir.Constant(WORD, 4)
        self.words = [four, builder.mul(four, self.size)]
        self.words.append(builder.mul(self.words[1], self.size))
        self.steps = [builder.sext(word, LONG) for word in self.words]
        if self.source_type == types.uint8:
            self._look_up()
        else:
            self._locate()

    def vector(self, values: Sequence[Any]) -> Any:
        kind = ir.VectorType(values[0].type, 4)
        made = ir.Constant(kind, [0] * 4)
        for k, value in enumerate(values):
            made = self.builder.insert_element(made, value, ir.Constant(WORD, k))
        return made

    def spread(self, value: Any) -> Any:
        return self.vector([value] * 4)

    def part(self, vector: Any, k: int) -> Any:
        return self.builder.extract_element(vector, ir.Constant(WORD, k))

    def add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b, flags=FLAGS)

    def subtract(self, a: Any, b: Any) -> Any:
        return self.builder.fsub(a, b, flags=FLAGS)

    def multiply(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b, flags=FLAGS)

    def larger(self, a: Any, b: Any) -> Any:
        """Give the larger; where ``a`` is NaN, ``b``."""
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def smaller(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.fcmp_ordered("<", a, b), a, b)

    def load_four(self, pointer: Any, place: Any, kind: Any, size: int) -> Any:
        where = self.builder.gep(pointer, [place])
        typed = self.builder.bitcast(where, ir.VectorType(kind, 4).as_pointer())
        return self.builder.load(typed, align=size)

    def _look_up(self) -> None:
        """Find the cell of three bytes: all there can be to know about them is in tables."""
        builder, self.first, self.fraction = self.builder, ir.Constant(LONG, 0), []
        for channel in range(3):
            here = builder.add(self.place, ir.Constant(LONG, channel))
            byte = builder.zext(builder.load(builder.gep(self.source, [here])), LONG)
            where = [builder.add(byte, ir.Constant(LONG, 256 * channel))]
            start = builder.sext(builder.load(builder.gep(self.starts, where)), LONG)
            self.first = builder.add(self.first, start)
            self.fraction.append(builder.load(builder.gep(self.fractions, where)))

    def _locate(self) -> None:
        """Find the cell of the pixel: its first entry, and how far the pixel is into it."""
        builder = self.builder
        if self.source_type == types.float32:
            value = self.load_four(self.source, self.place, FLOAT, 4)
        else:
            bits = self.source_type.bitwidth
            whole = self.load_four(self.source, self.place, ir.IntType(bits), bits // 8)
            # Through signed words, which processors convert at once.
            value = builder.sitofp(builder.zext(whole, FOUR_WORDS), FOUR)
        last = builder.sub(self.size, ir.Constant(WORD, 1))
        spot = self.add(self.multiply(value, self.scale), self.offset)
        spot = self.larger(spot, ir.Constant(FOUR, [0.0] * 4))
        spot = self.smaller(spot, self.spread(builder.sitofp(last, FLOAT)))
        cell = builder.fptosi(spot, FOUR_WORDS)
        limit = self.spread(builder.sub(last, ir.Constant(WORD, 1)))
        cell = builder.select(builder.icmp_signed("<", cell, limit), cell, limit)
        fraction = self.subtract(spot, builder.sitofp(cell, FOUR))
        self.fraction = [self.part(fraction, k) for k in range(3)]
        red, green, blue = (
            self.part(builder.mul(cell, self.vector(self.words)), k) for k in range(3)
        )
        self.first = builder.sext(builder.add(builder.add(red, green), blue), LONG)

    def entry(self, *steps: Any) -> Any:
        """Fetch the entry that lies these steps from the first of the cell."""
        place = self.first
        for step in steps:
            place = self.builder.add(place, step)
        return self.load_four(self.table, place, FLOAT, 4)

    def mixed(self, parts: Sequence[tuple[Any, Any]]) -> Any:
        """Add up entries by their weights."""
        total = None
        for weight, entry in parts:
            product = self.multiply(self.spread(weight), entry)
            total = product if total is None else self.add(total, product)
        return total

    def store(self, color: Any) -> None:
        where = self.builder.gep(self.out, [self.place])
        kind, size = FOUR, 4
        if self.out_type != types.float32:
            bits = self.out_type.bitwidth
            white = ir.Constant(FOUR, [float(2**bits - 1)] * 4)
            color = self.larger(color, ir.Constant(FOUR, [0.0] * 4))
            color = self.add(self.smaller(color, white), ir.Constant(FOUR, [0.5] * 4))
            kind, size = ir.VectorType(ir.IntType(bits), 4), bits // 8
            color = self.builder.trunc(self.builder.fptosi(color, FOUR_WORDS), kind)
        self.builder.store(color, self.builder.bitcast(where, kind.as_pointer()), align=size)

    def trilinear(self) -> Any:
        """Weigh the eight corners of the cell."""
        one = ir.Constant(FLOAT, 1.0)
        red, green, blue = ((self.subtract(one, f), f) for f in self.fraction)
        parts = []
        for b in range(2):
            for g in range(2):
                near = self.multiply(blue[b], green[g])
                for r in range(2):
                    steps = [s for s, far in zip(self.steps, (r, g, b), strict=True) if far]
                    parts.append((self.multiply(near, red[r]), self.entry(*steps)))
        return self.mixed(parts)

    def tetrahedral(self) -> Any:
        """Walk from the first corner to the last, along the largest fraction first."""
        builder, one = self.builder, ir.Constant(FLOAT, 1.0)
        red, green, blue = self.fraction
        along_red, along_green, along_blue = self.steps
        choose = builder.select
        red_green = builder.fcmp_ordered(">=", red, green)
        green_blue = builder.fcmp_ordered(">=", green, blue)
        red_blue = builder.fcmp_ordered(">=", red, blue)
        # All choices are computed: a branch would be guessed wrong at every other pixel.
        longest = choose(
            red_green,
            choose(red_blue, along_red, along_blue),
            choose(green_blue, along_green, along_blue),
        )
        shortest = choose(
            red_green,
            choose(green_blue, along_blue, along_green),
            choose(red_blue, along_blue, along_red),
        )
        high, low = self.larger(red, green), self.smaller(red, green)
        most, least = self.larger(high, blue), self.smaller(low, blue)
        middle = self.larger(low, self.smaller(high, blue))
        across = builder.add(builder.add(along_red, along_green), along_blue)
        return self.mixed(
            [
                (self.subtract(one, most), self.entry()),
                (self.subtract(most, middle), self.entry(longest)),
                (self.subtract(middle, least), self.entry(builder.sub(across, shortest))),
                (least, self.entry(across)),
            ]
        )


def _intrinsic(method: str) -> Any:
    @intrinsic
    def pixel(
        typing: Any, source: Any, place: Any, table: Any, size: Any,
        sr: Any, sg: Any, sb: Any, zr: Any, zg: Any, zb: Any, starts: Any, fractions: Any, out: Any,
    ) -> Any:  # fmt: skip
        floats = (types.float32,) * 6
        signature = types.void(
            source, types.intp, table, types.intp, *floats, starts, fractions, out
        )

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            code = _Pixel(context, builder, signature, arguments)
            code.store(getattr(code, method)())
            return context.get_dummy_value()

        return signature, build

    return pixel


_trilinear, _tetrahedral = _intrinsic("trilinear"), _intrinsic("tetrahedral")


@compiled
def trilinear_pixels(
    source: Any,
    step: int,
    table: Any,
    size: int,
    affine: Any,
    starts: Any,
    fractions: Any,
    out: Any,
) -> None:
    """Send all pixels but the last through a table, by the eight nearest entries.

    Args:
        source: pixels one after the other, flat, any dtype of a picture.
        step: values of a pixel, 3 or 4.
        table: flat float32, size^3 * 4 values, red fastest; scaled to the white of ``out``.
        size: entries along an edge.
        affine: six float32: what source values are multiplied by, and what is then added,
            to give a place between 0 and ``size - 1``.
        starts: of uint8, for each channel and byte, the part of the first entry; int32.
        fractions: of uint8 likewise, how far into the cell; float32.
        out: as source; the fourth channel, if there is one, is not kept.
    """
    sr, sg, sb, zr, zg, zb = affine[0], affine[1], affine[2], affine[3], affine[4], affine[5]
    for place in range(0, source.shape[0] - step, step):
        _trilinear(
            source, place, table, size, sr, sg, sb, zr, zg, zb, starts, fractions, out
        )  # fmt: skip


@compiled
def tetrahedral_pixels(
    source: Any,
    step: int,
    table: Any,
    size: int,
    affine: Any,
    starts: Any,
    fractions: Any,
    out: Any,
) -> None:
    """Do so by four entries; arguments as `trilinear_pixels`."""
    sr, sg, sb, zr, zg, zb = affine[0], affine[1], affine[2], affine[3], affine[4], affine[5]
    for place in range(0, source.shape[0] - step, step):
        _tetrahedral(
            source, place, table, size, sr, sg, sb, zr, zg, zb, starts, fractions, out
        )  # fmt: skip
