"""What looks alike is found: by color, by growing, by template."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from sfumato.errors import DtypeError, RangeError, ShapeError
from sfumato.raster.mask_similarity import grow_from, select_color, select_like

DTYPES = [np.uint8, np.uint16, np.float32]
SCENES = hnp.arrays(np.uint8, (8, 9, 2), elements=st.integers(0, 40))


def scaled(picture, dtype):
    unit = picture.astype(np.float64) / 255
    return (
        unit.astype(np.float32)
        if dtype == np.float32
        else (unit * np.iinfo(dtype).max).astype(dtype)
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_color_is_found_alike_in_every_dtype(picture, dtype):
    image = scaled(picture, dtype)
    found = select_color(image, image[30, 40], tolerance=0.1)
    away = picture.astype(float) - picture[30, 40]
    wanted = np.sqrt((away**2).mean(axis=2)) / 255
    clear = np.abs(wanted - 0.1) > 1e-3
    np.testing.assert_array_equal(found[clear], (wanted <= 0.1)[clear])
    assert found[30, 40]


def test_softness_falls_off_beyond_the_tolerance():
    ramp = np.arange(256, dtype=np.uint8)[None, :, None]
    soft = select_color(ramp, [0], tolerance=51 / 255, softness=51 / 255)
    wanted = np.clip(2 - np.arange(256) / 51, 0, 1)
    np.testing.assert_allclose(soft[0], wanted, atol=1e-6)


@settings(deadline=None)
@given(SCENES, st.integers(0, 8), st.integers(0, 7), st.floats(0, 0.2), st.sampled_from([4, 8]))
def test_a_region_is_the_connected_part_of_the_color(scene, x, y, tolerance, connectivity):
    alike = select_color(scene, scene[y, x], tolerance=tolerance)
    labels = ndimage.label(alike, np.ones((3, 3)) if connectivity == 8 else None)[0]
    grown = grow_from(scene, (x, y), tolerance=tolerance, connectivity=connectivity)
    np.testing.assert_array_equal(grown, labels == labels[y, x])


def flood(scene, x, y, tolerance, connectivity):
    steps = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a or b)]
    if connectivity == 4:
        steps = [s for s in steps if 0 in s]
    grown, todo = np.zeros(scene.shape[:2], bool), [(y, x)]
    while todo:
        i, j = todo.pop()
        if grown[i, j]:
            continue
        grown[i, j] = True
        for a, b in steps:
            if 0 <= i + a < scene.shape[0] and 0 <= j + b < scene.shape[1]:
                step = scene[i, j].astype(float) - scene[i + a, j + b]
                if (step**2).sum() <= tolerance**2 * 255**2 * len(step) * (1 + 1e-6):
                    todo.append((i + a, j + b))
    return grown


@settings(deadline=None)
@given(SCENES, st.integers(0, 8), st.integers(0, 7), st.floats(0, 0.1), st.sampled_from([4, 8]))
def test_growing_by_neighbors_follows_small_steps(scene, x, y, tolerance, connectivity):
    options = {"tolerance": tolerance, "connectivity": connectivity}
    grown = grow_from(scene, (x, y), compare="neighbor", **options)
    np.testing.assert_array_equal(grown, flood(scene, x, y, **options))


def test_several_seeds_give_the_union(picture):
    seeds = np.array([[5, 5], [40, 30], [80, 60]])
    for compare in ("seed", "neighbor"):
        together = grow_from(picture, seeds, tolerance=0.05, compare=compare)
        each = [grow_from(picture, seed, tolerance=0.05, compare=compare) for seed in seeds]
        np.testing.assert_array_equal(together, np.any(each, axis=0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_template_is_found_wherever_it_stands_brighter_or_darker(rng, dtype):
    scene = rng.uniform(0.4, 0.5, (60, 80, 3))
    mark = rng.uniform(0, 0.5, (7, 9, 3))
    places = [(5, 10), (30, 60), (50, 3)]
    for (top, left), gain in zip(places, (1.0, 0.5, 1.6), strict=True):
        scene[top : top + 7, left : left + 9] = gain * mark + 0.1
    image = scaled(np.clip(scene, 0, 1) * 255, dtype)
    template = image[5:12, 10:19].copy()
    wanted = np.zeros((60, 80), bool)
    for top, left in places:
        wanted[top : top + 7, left : left + 9] = True
    np.testing.assert_array_equal(select_like(image, template, least_score=0.9), wanted)


def test_nothing_alike_gives_an_empty_mask(rng):
    image = rng.integers(0, 256, (40, 40, 1), np.uint8)
    template = rng.integers(0, 256, (9, 9, 1), np.uint8)
    assert not select_like(image, template, least_score=0.9).any()
    assert not select_like(np.full_like(image, 7), template, least_score=0.5).any()


def test_nan_is_like_nothing():
    image = np.array([[[0.5], [np.nan], [0.5]]], np.float32)
    assert select_color(image, [0.5], tolerance=1).tolist() == [[True, False, True]]
    assert select_color(image, [0.5], tolerance=1, softness=1).tolist() == [[1, 0, 1]]
    for compare in ("seed", "neighbor"):
        grown = grow_from(image, (0, 0), tolerance=1, compare=compare)
        assert grown.tolist() == [[True, False, False]]


def test_what_makes_no_sense_is_refused(picture):
    with pytest.raises(ShapeError, match="3 channels"):
        select_color(picture, [1], tolerance=0.1)
    with pytest.raises(RangeError, match="tolerance"):
        select_color(picture, picture[0, 0], tolerance=np.nan)
    with pytest.raises(RangeError, match="color is not finite"):
        select_color(picture, [np.nan] * 3, tolerance=0.1)
    with pytest.raises(RangeError, match=r"\[83, 0\] lies outside"):
        grow_from(picture, (83, 0), tolerance=0.1)
    with pytest.raises(ShapeError, match="whole pixels"):
        grow_from(picture, (1.5, 2), tolerance=0.1)
    with pytest.raises(RangeError, match="compare"):
        grow_from(picture, (1, 2), tolerance=0.1, compare="mean")
    with pytest.raises(RangeError, match="flat"):
        select_like(picture, np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(ShapeError, match="does not fit"):
        select_like(picture[:5], picture)
    with pytest.raises(DtypeError, match="one dtype"):
        select_like(picture, picture[:5, :5].astype(np.float32))
    with pytest.raises(RangeError, match="least_score"):
        select_like(picture, picture[:5, :5], least_score=1.5)
    with pytest.raises(RangeError, match="not finite"):
        select_like(np.full((4, 4, 1), np.nan, np.float32), np.float32([[[0]], [[1]]]))
