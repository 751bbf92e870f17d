"""Defects, shading, flips and crops of mosaics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.capture.correct_shading import CorrectShading
from sfumato.capture.demosaic import Demosaic
from sfumato.capture.mend_pixels import MendPixels, find_defects
from sfumato.capture.mosaic_geometry import CropMosaic, FlipMosaic
from sfumato.capture.noise_model import NoiseModel
from sfumato.errors import FieldError, RangeError, ShapeError
from sfumato.io.mosaic import mosaic_from_array
from sfumato.io.mosaic_facts import PATTERNS


def ramp(height=80, width=100):
    y, x = np.mgrid[0:height, 0:width] / 100
    return (0.2 + 0.3 * x + 0.2 * y).astype(np.float32)


def raw(plane, **changes):
    return mosaic_from_array(np.asarray(plane, np.float32), white=1.0, **changes)


def test_defects_are_mended_and_nothing_else_is_touched():
    plane = ramp()
    broken = plane.copy()
    places = [(10, 12), (11, 12), (50, 3), (99, 79), (0, 0), (70, 40), (72, 40)]
    for k, (x, y) in enumerate(places):
        broken[y, x] = (1.0, 0.0)[k % 2]
    out = MendPixels()(raw(broken)).image[..., 0]
    found = {(int(x), int(y)) for y, x in np.argwhere(out != broken)}
    assert found >= set(places[:5])
    known = MendPixels(places=tuple(places), find=False)(raw(broken)).image[..., 0]
    changed = {(int(x), int(y)) for y, x in np.argwhere(known != broken)}
    assert changed <= set(places)
    np.testing.assert_allclose(known, plane, atol=0.013)


def test_noise_is_no_defect():
    model = NoiseModel(gain=(4e-3,), read_noise=(5e-3,), white=(1.0,))
    noisy = model.apply(ramp(200, 200), 1, clip=False)
    sample = raw(noisy, noise_profile=(4e-3, 2.5e-5))
    hot = [(20, 30), (101, 77)]
    for x, y in hot:
        sample.image[y, x] = 2.0
    out = MendPixels()(sample).image
    assert {(int(x), int(y)) for y, x, _ in np.argwhere(out != sample.image)} == set(hot)


def test_a_mended_pixel_lies_between_its_neighbours_along_an_edge():
    plane = np.where(np.arange(40)[None, :] < 20, 0.1, 0.8) * np.ones((40, 1))
    plane[15, 19] = 1.0  # at the edge: across it the mean would be 0.45
    out = MendPixels(find=False, places=((19, 15),))(raw(plane)).image
    assert out[15, 19, 0] == pytest.approx(0.1, abs=1e-6)


def test_the_real_nikon_mosaic_loses_its_hot_pixels(shared_data):
    import json

    folder = shared_data("raw/nikon_dsc1339")
    told = json.loads((folder / "meta.json").read_text())
    codes = np.fromfile(folder / told["file"], told["dtype"]).reshape(512, 768)
    sample = mosaic_from_array(
        codes, pattern=told["bayer"], black=told["black_level"], white=told["white_level"]
    )
    out = MendPixels(sigmas=30.0)(sample).image
    changed = (out != sample.image).mean()
    assert 0 < changed < 1e-3
    assert np.abs(out - sample.image).max() > 0.5


def test_defects_are_found_in_darks_and_flats():
    rng = np.random.default_rng(2)
    hot, dead = [(5, 6), (40, 21)], [(12, 33), (3, 2)]
    darks = [rng.normal(0, 3, (64, 64)).astype(np.float32) for _ in range(4)]
    flats = [rng.normal(4000, 60, (64, 64)).astype(np.float32) for _ in range(2)]
    for frame in darks:
        for x, y in hot:
            frame[y, x] += 200
    for frame in flats:
        for x, y in dead:
            frame[y, x] *= 0.2
    assert set(find_defects(darks, flats)) == {*hot, *dead}
    assert find_defects([np.zeros((8, 8))]) == ()
    with pytest.raises(RangeError, match="no list of defects"):
        leak = rng.normal(0, 1, (64, 64))
        leak[20:40] += 50
        find_defects([leak])
    with pytest.raises(ShapeError, match="at least one dark"):
        find_defects([])
    with pytest.raises(ShapeError, match="one size"):
        find_defects([np.zeros((8, 8))], [np.zeros((8, 10))])
    with pytest.raises(RangeError, match="outside of a mosaic of 100 x 80"):
        MendPixels(places=((100, 5),))(raw(ramp()))


def vignette(height, width, site_falloff=(0.35, 0.3, 0.3, 0.25)):
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    r2 = ((x - 0.05) ** 2 + 0.6 * y * y) / 1.6
    out = np.empty((height, width))
    for k, share in enumerate(site_falloff):
        site = np.s_[k // 2 :: 2, k % 2 :: 2]
        out[site] = 1.0 - share * (r2[site] + 0.4 * r2[site] ** 2)
    return out


def test_shading_is_undone_by_a_noisy_flat_at_any_size():
    model = NoiseModel(gain=(1e-4,), read_noise=(1e-3,), white=(1.0,))
    flats = [
        model.apply((0.6 * vignette(240, 320)).astype(np.float32), k, clip=False)[..., None]
        for k in range(4)
    ]
    flat = raw(flats[0][..., 0]).but(stack=np.stack(flats))
    operator = CorrectShading.from_flat(flat)
    shaded = (0.4 * vignette(240, 320)).astype(np.float32)
    out = operator(raw(shaded)).image[..., 0]
    tops = [0.4 * vignette(240, 320)[k // 2 :: 2, k % 2 :: 2].max() for k in range(4)]
    for k, top in enumerate(tops):
        np.testing.assert_allclose(out[k // 2 :: 2, k % 2 :: 2], top, rtol=4e-3)
    assert CorrectShading.from_yaml(operator.to_yaml()) == operator
    half = operator(raw(0.4 * vignette(120, 160))).image[..., 0]
    assert half.std() / half.mean() < 6e-3


def test_flats_that_say_nothing_are_refused():
    with pytest.raises(RangeError, match="of white"):
        CorrectShading.from_flat(raw(np.ones((64, 64))))
    with pytest.raises(RangeError, match="of white"):
        CorrectShading.from_flat(raw(np.zeros((64, 64))))
    with pytest.raises(ShapeError, match="32 x 32"):
        CorrectShading.from_flat(raw(np.full((20, 64), 0.5)))
    with pytest.raises(ShapeError, match="1, 3, 6"):
        CorrectShading(falloff=((1.0, 2.0),) * 4)
    with pytest.raises(FieldError, match="mosaic"):
        CorrectShading()(np.zeros((8, 8, 1), np.float32))


def colors_at(plane, pattern, answers):
    """Check that each site of the cell holds values of its color."""
    for k, letter in enumerate(pattern):
        site = plane[k // 2 :: 2, k % 2 :: 2]
        assert set(np.unique(np.rint(site))) <= {answers[letter]}


@given(
    pattern=st.sampled_from(PATTERNS), height=st.integers(7, 20), width=st.integers(7, 20),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_every_color_stays_on_its_site(pattern, height, width, seed):
    answers = {"R": 1.0, "G": 2.0, "B": 3.0}
    plane = np.empty((height, width), np.float32)
    for k, letter in enumerate(pattern):
        plane[k // 2 :: 2, k % 2 :: 2] = answers[letter]
    sample = raw(plane, pattern=pattern)
    sample = sample.but(target=sample.image.copy(), stack=np.stack([sample.image] * 2),
                        mask=plane.astype(np.uint8))  # fmt: skip
    for operator in (
        FlipMosaic(),
        CropMosaic(size=(5, 6)),
        CropMosaic(size=(5, 6), place="centre"),
    ):
        out = operator(sample, seed)
        for array in (out.image[..., 0], out.target[..., 0], out.stack[1, ..., 0], out.mask):
            assert array.shape == out.size
            colors_at(array, pattern, answers)
    assert CropMosaic(size=(5, 6))(sample, seed).size == (5, 6)


def test_flips_are_flips_and_even_sides_stay_even():
    plane = np.random.default_rng(0).random((12, 16), np.float32)
    both = FlipMosaic(horizontal=1.0, vertical=1.0, transpose=0.0)(raw(plane))
    np.testing.assert_array_equal(both.image[..., 0], plane[1:-1, 1:-1][::-1, ::-1])
    turned = FlipMosaic(horizontal=0.0, vertical=0.0, transpose=1.0)(raw(plane))
    np.testing.assert_array_equal(turned.image[..., 0], plane.T)
    slanted = FlipMosaic(horizontal=0.0, vertical=0.0, transpose=1.0)(raw(plane, pattern="GRBG"))
    np.testing.assert_array_equal(slanted.image[..., 0], plane[1:-1, 1:-1].T)
    none = FlipMosaic(horizontal=0.0, vertical=0.0, transpose=0.0)(raw(plane))
    np.testing.assert_array_equal(none.image[..., 0], plane)


def test_a_flipped_mosaic_demosaics_to_the_flipped_picture():
    plane = np.random.default_rng(1).random((48, 60), np.float32)
    whole = Demosaic(method="malvar")(raw(plane)).image
    flipped = Demosaic(method="malvar")(
        FlipMosaic(horizontal=1.0, vertical=0.0, transpose=1.0)(raw(plane))
    ).image
    wanted = whole[:, 1:-1][:, ::-1].swapaxes(0, 1)
    np.testing.assert_allclose(flipped[4:-4, 4:-4], wanted[4:-4, 4:-4], atol=1e-6)


def test_points_and_parts_too_large_are_refused():
    sample = raw(ramp())
    with pytest.raises(FieldError, match="do not move along"):
        FlipMosaic()(sample.but(keypoints=np.zeros((1, 2), np.float32)))
    with pytest.raises(ShapeError, match="at least 200 x 20 px, got 100 x 80"):
        CropMosaic(size=(20, 200))(sample)
    with pytest.raises(ShapeError, match="'target' is"):
        CropMosaic(size=(20, 20))(sample.but(target=np.zeros((4, 4, 1), np.float32)))
    with pytest.raises(FieldError, match="mosaic"):
        CropMosaic(size=(2, 2))(np.zeros((8, 8, 1), np.float32))
