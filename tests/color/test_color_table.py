"""Color tables: what they compute, against formulas, OpenColorIO, Pillow and torch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.color.color_table import LARGEST_SIZE, ColorTable, lattice
from sfumato.core.opencv import cv2
from sfumato.errors import RangeError, ShapeError

sizes = st.sampled_from([2, 3, 9, 17])
WAYS = ["tetrahedral", "trilinear"]


def odd_table(size=9, seed=0, low=(0.0, 0.0, 0.0), high=(1.0, 1.0, 1.0)):
    """Make a table in which no two axes and no two channels do the same."""
    values = lattice(size, low, high)
    bend = np.random.default_rng(seed).normal(0, 0.15, values.shape)
    return ColorTable((values[..., [1, 2, 0]] + bend).astype(np.float32), low, high)


def by_hand(table, color, way):
    """Interpolate one color in double precision, as the textbook has it."""
    low, high = np.array(table.domain_min), np.array(table.domain_max)
    spot = (np.clip(color, low, high) - low) / (high - low) * (table.size - 1)
    cell = np.minimum(spot.astype(int), table.size - 2)
    part = spot - cell
    values = table.values.astype(np.float64)

    def corner(r, g, b):
        return values[cell[2] + b, cell[1] + g, cell[0] + r]

    if way == "trilinear":
        weights = np.stack([1 - part, part])
        return sum(
            weights[r, 0] * weights[g, 1] * weights[b, 2] * corner(r, g, b)
            for r, g, b in itertools.product(range(2), repeat=3)
        )
    here, total = [0, 0, 0], corner(0, 0, 0)
    for axis in np.argsort(-part, kind="stable"):
        before = corner(*here)
        here[axis] = 1
        total = total + part[axis] * (corner(*here) - before)
    return total


@pytest.mark.parametrize("way", WAYS)
@given(size=sizes, seed=st.integers(0, 99))
def test_every_color_is_interpolated_as_the_textbook_has_it(way, size, seed):
    table = odd_table(size, seed, (-0.2, 0.1, 0.0), (1.1, 1.9, 0.7))
    colors = np.random.default_rng(seed).uniform(-0.5, 2.0, (1, 7, 3)).astype(np.float32)
    wanted = [by_hand(table, color.astype(np.float64), way) for color in colors[0]]
    np.testing.assert_allclose(table(colors, interpolation=way)[0], wanted, atol=3e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_numbers_are_the_rounded_result_of_floats(rng, way, dtype):
    white = np.iinfo(dtype).max
    image = rng.integers(0, white, (61, 83, 3), dtype, endpoint=True)
    table = odd_table(17)
    exact = table((image / white).astype(np.float32), interpolation=way).astype(np.float64)
    gap = np.abs(table(image, interpolation=way) - np.clip(exact, 0, 1) * white)
    assert gap.max() < 0.5 + white * 2e-6


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [2, 3, 33, LARGEST_SIZE])
def test_the_identity_changes_nothing(picture, way, size):
    np.testing.assert_array_equal(ColorTable.identity(size)(picture, interpolation=way), picture)
    deep = picture.astype(np.uint16) * 257
    np.testing.assert_array_equal(ColorTable.identity(size)(deep, interpolation=way), deep)


@pytest.mark.parametrize(("way", "name"), [("tetrahedral", "TETRAHEDRAL"), ("trilinear", "LINEAR")])
def test_floats_agree_with_opencolorio(rng, way, name):
    ocio = pytest.importorskip("PyOpenColorIO")
    table, image = odd_table(33), rng.uniform(-0.1, 1.1, (40, 50, 3)).astype(np.float32)
    theirs = ocio.Lut3DTransform(33)
    theirs.setInterpolation(getattr(ocio, f"INTERP_{name}"))
    theirs.setData(np.ascontiguousarray(table.values.transpose(2, 1, 0, 3)).ravel())
    out = image.copy()
    ocio.Config.CreateRaw().getProcessor(theirs).getDefaultCPUProcessor().applyRGB(out)
    np.testing.assert_allclose(table(image, interpolation=way), out, atol=2e-6)


def test_bytes_agree_with_pillow(rng):
    from PIL import Image, ImageFilter

    table = odd_table(17)
    inside = table.but(values=np.clip(table.values, 0, 1))
    image = rng.integers(0, 256, (40, 50, 3), np.uint8)
    theirs = ImageFilter.Color3DLUT(17, inside.values.reshape(-1).tolist())
    wanted = np.asarray(Image.fromarray(image).filter(theirs)).astype(int)
    assert np.abs(inside(image, interpolation="trilinear") - wanted).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (3, 5)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_small_pictures_are_parts_of_large_ones(rng, shape, dtype):
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    image = (rng.random((9, 9, 3)) * white).astype(dtype)
    table = odd_table()
    part = np.ascontiguousarray(image[: shape[0], : shape[1]])
    np.testing.assert_array_equal(table(part), table(image)[: shape[0], : shape[1]])


def test_threads_change_nothing(rng):
    image, table = rng.integers(0, 256, (700, 900, 3), np.uint8), odd_table(17)
    threads = cv2.getNumThreads()
    try:
        results = []
        for count in (1, 3):
            cv2.setNumThreads(count)
            results.append(table(image))
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*results)


def test_a_result_can_be_put_where_it_is_wanted(rng):
    image, table = rng.integers(0, 256, (20, 30, 3), np.uint8), odd_table()
    for strength in (0.0, 0.5, 1.0):
        out = np.empty_like(image)
        assert table(image, strength=strength, out=out) is out
        np.testing.assert_array_equal(out, table(image, strength=strength))
    for wrong in (image, image[:10].copy(), np.empty((20, 30, 3), np.float32), image[::-1]):
        with pytest.raises(ShapeError, match="array of its own"):
            table(image, out=wrong)


def test_alpha_is_kept(rng):
    image, table = rng.integers(0, 256, (20, 30, 4), np.uint8), odd_table()
    out = table(image)
    np.testing.assert_array_equal(out[..., 3], image[..., 3])
    np.testing.assert_array_equal(out[..., :3], table(np.ascontiguousarray(image[..., :3])))


def test_grey_takes_the_luma_of_what_greys_become(rng):
    grey, table = rng.random((6, 7, 1), np.float32), odd_table()
    wanted = table(grey.repeat(3, axis=2)) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    np.testing.assert_allclose(table(grey)[..., 0], wanted, atol=1e-6)


def test_values_that_are_no_numbers_do_no_harm():
    broken = np.array([[[np.nan, np.inf, -np.inf]]], np.float32)
    out = ColorTable.identity(5)(broken)
    np.testing.assert_array_equal(out, [[[0.0, 1.0, 0.0]]])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_mixes_picture_and_result(rng, dtype, strength):
    image = rng.random((9, 11, 3), np.float32)
    if dtype == np.uint8:
        image = np.rint(255 * image).astype(np.uint8)
    table, white = odd_table(), 255 if dtype == np.uint8 else 1
    exact = table((image / np.float32(white)).astype(np.float32))
    wanted = np.float32(1 - strength) * (image / white) + np.float32(strength) * exact
    gap = np.abs(
        table(image, strength=strength) / white
        - (np.clip(wanted, 0, 1) if dtype == np.uint8 else wanted)
    )
    assert gap.max() <= (0.501 / 255 if dtype == np.uint8 else 1e-6)


def test_a_shaper_comes_before_the_table():
    curve = np.linspace(0, 1, 4096, dtype=np.float32)[:, None].repeat(3, 1) ** 0.5
    table = ColorTable.identity(5).but(shaper=curve, shaper_max=(4.0, 4.0, 4.0))
    colors = np.array([[[0.0, 1.0, 4.0], [2.0, 9.0, -1.0]]], np.float32)
    wanted = np.sqrt(np.clip(colors, 0, 4) / 4)
    np.testing.assert_allclose(table(colors), wanted, atol=1e-3)
    assert table(np.full((1, 1, 3), 255, np.uint8)).tolist() == [[[128, 128, 128]]]


@given(first=sizes, seed=st.integers(0, 99))
def test_one_table_after_another_is_exact_at_the_entries(first, seed):
    one, two = odd_table(first, seed), odd_table(5, seed + 1)
    joined = one.then(two, size=first)
    wanted = two.look_up(one.values.reshape(1, -1, 3))
    np.testing.assert_allclose(joined.values.reshape(1, -1, 3), wanted, atol=1e-6)


def test_a_finer_lattice_gives_the_same_colors(rng):
    table, image = odd_table(9), rng.random((20, 20, 3), np.float32)
    np.testing.assert_allclose(table.resampled(17)(image), table(image), atol=2e-6)
    assert table.resampled(17).resampled(9) == table


def test_a_table_cannot_be_changed_from_outside():
    values = lattice(3)
    table = ColorTable(values)
    values[:] = 0
    assert table == ColorTable.identity(3)
    with pytest.raises(ValueError, match="read-only"):
        table.values[:] = 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"values": np.zeros((3, 3, 3))}, "expected values"),
        ({"values": np.zeros((3, 3, 2, 3))}, "expected values"),
        ({"values": np.zeros((1, 1, 1, 3))}, "from 2 to 129"),
        ({"values": np.full((2, 2, 2, 3), np.nan)}, "24 of 24 values are NaN"),
        ({"domain_min": (0, 0, 1)}, "ends at"),
        ({"domain_max": (1, np.inf, 1)}, "must be finite"),
        ({"shaper": np.zeros((1, 3))}, "expected a shaper"),
    ],
)
def test_what_is_no_table_is_refused(settings, message):
    with pytest.raises((ShapeError, RangeError), match=message):
        ColorTable.identity(2).but(**settings)


def test_two_channels_and_unknown_ways_are_refused():
    table = ColorTable.identity(2)
    with pytest.raises(ShapeError, match="1, 3 or 4 channels, got 2"):
        table(np.zeros((4, 4, 2), np.uint8))
    with pytest.raises(RangeError, match="'cubic'"):
        table(np.zeros((4, 4, 3), np.uint8), interpolation="cubic")
    with pytest.raises(RangeError, match="strength"):
        table(np.zeros((4, 4, 3), np.uint8), strength=1.5)
    with pytest.raises(RangeError, match="from 2 to 129, got 130"):
        ColorTable.identity(130)
