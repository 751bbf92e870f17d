"""Weather and lenses do what they say."""

from __future__ import annotations

import albumentations as peer
import numpy as np
import pytest

import sfumato.augment as A
from sfumato.augment.superpixels import superpixels
from sfumato.errors import RangeError, ShapeError
from sfumato.testing import practice_sample

PICTURE = practice_sample(size=(96, 128)).image
WEATHER = [
    ("RandomFog", {}),
    ("RandomRain", {}),
    ("RandomRain", {"rain_type": "heavy", "drop_color": (10, 200, 90)}),
    ("RandomSnow", {}),
    ("RandomSnow", {"method": "texture"}),
    ("RandomShadow", {}),
    ("RandomGravel", {}),
    ("RandomSunFlare", {"src_radius": 40}),
    ("RandomSunFlare", {"src_radius": 40, "method": "physics_based"}),
    ("Spatter", {}),
    ("Spatter", {"mode": "mud"}),
    ("ChromaticAberration", {"mode": "random"}),
    ("Superpixels", {"p_replace": 1.0}),
]


@pytest.mark.parametrize(("name", "settings"), WEATHER)
def test_bit_depths_say_the_same(name, settings):
    op = getattr(A, name)(p=1, **settings)
    eight = op(PICTURE, 3).astype(np.float64) / 255
    sixteen = op(PICTURE.astype(np.uint16) * 257, 3)
    unit = op((PICTURE / 255).astype(np.float32), 3)
    assert sixteen.dtype == np.uint16
    assert unit.dtype == np.float32
    assert 0 <= unit.min() <= unit.max() <= 1
    assert np.abs(sixteen / 65535 - unit).mean() < 2e-3
    assert np.abs(eight - unit).mean() < 6e-3


@pytest.mark.parametrize("density", [0.3, 1.0])
def test_fog_is_as_thick_as_in_albumentations(density):
    black = np.zeros((256, 256, 3), np.uint8)
    ours, theirs = (
        np.mean([maker.RandomFog(fog_coef_range=(density, density), p=1)(image=black)["image"]
                 for _ in range(2)])
        for maker in (A, peer)
    )  # fmt: skip
    assert abs(ours / theirs - 1) < 0.2


def test_fog_is_thickest_in_the_middle_and_white():
    out = A.RandomFog(fog_coef_range=(1, 1), p=1)(np.zeros((200, 200, 3), np.uint8), 1)
    assert out[70:130, 70:130].mean() > 2 * out[:20].mean()
    assert np.ptp(out, axis=2).max() == 0


def test_bleached_snow_is_that_of_albumentations():
    theirs = peer.RandomSnow(snow_point_range=(0.2, 0.2), p=1)(image=PICTURE)["image"]
    ours = A.RandomSnow(snow_point_range=(0.2, 0.2), p=1)(PICTURE)
    np.testing.assert_array_equal(ours, theirs)


def test_a_polygon_of_shadow_is_that_of_albumentations():
    corners = [[10, 10], [60, 12], [50, 50], [20, 55]]
    theirs = peer.RandomShadow(p=1).apply(
        PICTURE.copy(), vertices_list=[np.array(corners)], intensities=np.array([0.5])
    )
    record = {"shadows": [corners], "intensities": [0.5]}
    ours = A.RandomShadow(p=1).change_image(PICTURE, record)
    np.testing.assert_array_equal(ours, theirs)


def test_shadows_fall_where_they_may():
    out = A.RandomShadow(shadow_roi=(0.5, 0, 1, 1), p=1)(PICTURE, 4)
    assert (out[:, :64] == PICTURE[:, :64]).all()
    assert (out[:, 64:] < PICTURE[:, 64:]).any()


def test_colors_bent_apart_are_those_of_albumentations():
    bends = {"red": [-0.02, -0.05], "blue": [0.01, 0.03]}
    ours = A.ChromaticAberration(p=1).change_image(PICTURE, bends)
    theirs = peer.ChromaticAberration(p=1).apply(
        PICTURE.copy(),
        primary_distortion_red=-0.02,
        secondary_distortion_red=-0.05,
        primary_distortion_blue=0.01,
        secondary_distortion_blue=0.03,
        interpolation=1,
    )
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(ours[..., 1], PICTURE[..., 1])


@pytest.mark.parametrize(("mode", "sign"), [("green_purple", 1), ("red_blue", -1)])
def test_red_and_blue_are_bent_alike_or_against_each_other(mode, sign):
    chain = A.ReplayCompose([A.ChromaticAberration(mode=mode, p=1)], seed=0)
    for _ in range(10):
        drawn = chain(image=PICTURE)["replay"]["transforms"][0]["params"]
        assert (np.sign(drawn["red"]) * np.sign(drawn["blue"]) == sign).all()


def test_rain_falls_slanted_and_darkens_the_day():
    flat = np.full((80, 80, 3), 100, np.uint8)
    out = A.RandomRain((5, 5), drop_length=20, blur_value=1, p=1)(flat, 1)
    assert (out[out <= 70] == 70).all()
    assert (out > 70).any()
    still = A.RandomRain(brightness_coefficient=1.0, drop_color=(0, 0, 0), p=1)(flat, 1)
    np.testing.assert_array_equal(still, flat)


def test_gravel_stays_in_its_region():
    out = A.RandomGravel(gravel_roi=(0.5, 0.5, 1, 1), p=1)(PICTURE, 1)
    changed = (out != PICTURE).any(axis=2)
    assert changed.any()
    assert not changed[:44].any()
    assert not changed[:, :60].any()


def test_light_is_only_added():
    for method in ("overlay", "physics_based"):
        op = A.RandomSunFlare(src_radius=30, num_flare_circles_range=(0, 0), method=method, p=1)
        out = op(PICTURE, 1)
        assert (out.astype(int) >= PICTURE.astype(int) - 1).all()
        assert (out > PICTURE).any()


def test_regions_are_about_as_many_as_asked_and_follow_edges():
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:, 29:] = (200, 30, 90)
    labels = superpixels(halves, 16)
    assert 12 <= len(np.unique(labels)) <= 20
    assert not set(np.unique(labels[:, :29])) & set(np.unique(labels[:, 29:]))


def test_no_region_is_replaced_without_a_chance():
    op = A.Superpixels(p_replace=0.0, max_size=None, p=1)
    np.testing.assert_array_equal(op(PICTURE, 1), PICTURE)


def test_replaced_regions_have_their_mean():
    op = A.Superpixels(p_replace=1.0, n_segments=(20, 20), max_size=None, p=1)
    out = op(PICTURE, 1)
    labels = superpixels(PICTURE, 20)
    for label in np.unique(labels)[:5]:
        place = labels == label
        np.testing.assert_allclose(out[place][0], PICTURE[place].mean(axis=0), atol=0.51)


@pytest.mark.parametrize("name", ["RandomFog", "Spatter", "ChromaticAberration", "RandomSnow"])
def test_gray_pictures_are_refused_where_colors_are_needed(name):
    with pytest.raises(ShapeError, match=f"{name}: the picture must have 3 channels, it has 1"):
        getattr(A, name)(p=1)(PICTURE[..., :1], 1)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: A.RandomShadow(shadow_roi=(0.5, 0, 0.2, 1)),
        lambda: A.RandomGravel(gravel_roi=(0, 0.9, 1, 0.1)),
        lambda: A.RandomSunFlare(src_color=(1, 2)),
        lambda: A.RandomFog(alpha_coef=2.0),
        lambda: A.Spatter(color=(1, 2)),
    ],
)
def test_impossible_weather_is_refused_when_built(wrong):
    with pytest.raises(RangeError):
        wrong()


def test_old_words_of_weather_are_understood():
    with pytest.warns(DeprecationWarning, match="fog_coef_lower"):
        assert A.RandomFog(fog_coef_lower=0.2, fog_coef_upper=0.4).fog_coef_range == (0.2, 0.4)
    with pytest.warns(DeprecationWarning, match="slant_lower"):
        assert A.RandomRain(slant_lower=-3, slant_upper=4).slant_range == (-3, 4)
    assert A.RandomRain(rain_type=None).rain_type == "default"
