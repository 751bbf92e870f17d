"""What pixel transforms make of a picture is what albumentations 2.0.8 makes of it.

Parameters are pinned to one value, so that nothing is left to chance. Tolerances are levels
of 8 bits; where floats need another one, the reason stands beside it.
"""

from __future__ import annotations

import warnings

import albumentations as peer
import numpy as np
import pytest

import sfumato.augment as A
from sfumato.testing import practice_sample

BY_8_BITS = 1.7
"""The peer sends floats through 8 bits here; we do not."""

# name, settings, levels that a uint8 picture may be off, and a float one
CASES = [
    ("AdditiveNoise", {"noise_params": {"ranges": [(0.1, 0.1), (-0.2, -0.2), (0, 0)]}}, 0, 0),
    ("AutoContrast", {}, 0, 0),
    ("AutoContrast", {"method": "pil"}, 0, 0),
    ("AutoContrast", {"ignore": 100}, 0, 0),
    # Beyond the cut-off the peer takes the neighbouring level; we take Pillow's.
    ("AutoContrast", {"method": "pil", "cutoff": 5}, 3, 3),
    (
        "AdvancedBlur",
        {
            "blur_limit": (7, 7),
            "sigma_x_limit": (1.5, 1.5),
            "sigma_y_limit": (0.7, 0.7),
            "rotate_limit": (30, 30),
            "beta_limit": (0.9999, 1.0001),
            "noise_limit": (1, 1),
        },
        1,
        0.05,
    ),
    ("Blur", {"blur_limit": (5, 5)}, 0, 0),
    ("MedianBlur", {"blur_limit": (5, 5)}, 0, BY_8_BITS),
    ("GaussianBlur", {"sigma_limit": (1.7, 1.7)}, 1, 0),
    ("GaussianBlur", {"sigma_limit": (1.2, 1.2), "blur_limit": (5, 5)}, 1, 0),
    *(
        (
            "MotionBlur",
            {
                "blur_limit": (size, size),
                "angle_range": (angle, angle),
                "direction_range": (direction, direction),
                "allow_shifted": False,
            },
            0,
            0,
        )
        for size, angle, direction in ((7, 30, -0.5), (15, 217, 0.3), (5, 90, 1.0), (9, 45, 0.0))
    ),
    ("Defocus", {"radius": (5, 5), "alias_blur": (0.3, 0.3)}, 0, 0),
    ("Defocus", {"radius": (9, 9), "alias_blur": (0.5, 0.5)}, 0, 0),
    ("ZoomBlur", {"max_factor": (1.2, 1.2), "step_factor": (0.02, 0.02)}, 1, 0),
    ("Sharpen", {"alpha": (0.3, 0.3), "lightness": (0.6, 0.6)}, 0, 0),
    ("Emboss", {"alpha": (0.3, 0.3), "strength": (0.5, 0.5)}, 0, 0),
    (
        "UnsharpMask",
        {"blur_limit": (5, 5), "sigma_limit": (1.1, 1.1), "alpha": (0.4, 0.4)},
        1,
        0.3,
    ),
    ("RingingOvershoot", {"blur_limit": (9, 9), "cutoff": (1, 1)}, 0, 0),
    ("CLAHE", {"clip_limit": (3, 3)}, 0, 0),
    ("CLAHE", {"clip_limit": (2, 2), "tile_grid_size": (3, 5)}, 0, 0),
    ("ColorJitter", {"brightness": (1.1, 1.1), "contrast": 0, "saturation": 0, "hue": 0}, 0, 0),
    ("ColorJitter", {"brightness": 0, "contrast": (0.8, 0.8), "saturation": 0, "hue": 0}, 0, 0),
    ("ColorJitter", {"brightness": 0, "contrast": 0, "saturation": (1.3, 1.3), "hue": 0}, 0, 0),
    ("ColorJitter", {"brightness": 0, "contrast": 0, "saturation": 0, "hue": (0.1, 0.1)}, 0, 0),
    ("Downscale", {"scale_range": (0.37, 0.37)}, 0, 0),
    (
        "Downscale",
        {"scale_range": (0.4, 0.4), "interpolation_pair": {"downscale": 3, "upscale": 1}},
        0,
        BY_8_BITS,
    ),
    ("Equalize", {}, 0, 0),
    ("Equalize", {"by_channels": False}, 0, 0),
    ("GaussNoise", {"std_range": (0, 0), "mean_range": (0.2, 0.2)}, 0, 0),
    (
        "HEStain",
        {
            "method": "preset",
            "preset": "dark",
            "intensity_scale_range": (1.2, 1.2),
            "intensity_shift_range": (0.1, 0.1),
        },
        1,
        0,
    ),
    (
        "HueSaturationValue",
        {
            "hue_shift_limit": (-14.6, -14.6),
            "sat_shift_limit": (-20.7, -20.7),
            "val_shift_limit": (9.5, 9.5),
        },
        0,
        6,  # the peer works in 8-bit HSV, whose hue has steps of two degrees
    ),
    (
        "Illumination",
        {"intensity_range": (0.1, 0.1), "effect_type": "darken", "angle_range": (200, 200)},
        1,
        0,
    ),
    (
        "Illumination",
        {
            "mode": "gaussian",
            "intensity_range": (0.1, 0.1),
            "effect_type": "darken",
            "center_range": (0.3, 0.3),
            "sigma_range": (0.3, 0.3),
        },
        1,
        0,
    ),
    ("ImageCompression", {"quality_range": (60, 60)}, 0, 0),
    ("ImageCompression", {"compression_type": "webp", "quality_range": (60, 60)}, 0, 0),
    ("InvertImg", {}, 0, 0),
    ("MultiplicativeNoise", {"multiplier": (1.1, 1.1)}, 0, 0),
    ("MultiplicativeNoise", {"multiplier": (0.9, 0.9), "per_channel": True}, 0, 0),
    (
        "MultiplicativeNoise",
        {"multiplier": (1.1, 1.1), "elementwise": True, "per_channel": True},
        0,
        0,
    ),
    ("Posterize", {"num_bits": 3}, 0, 0),
    ("Posterize", {"num_bits": [(1, 1), (3, 3), (5, 5)]}, 0, 0),
    (
        "RGBShift",
        {f"{c}_shift_limit": (v, v) for c, v in zip("rgb", (9, -20, 3), strict=True)},
        0,
        20,
    ),
    (
        "RandomBrightnessContrast",
        {"brightness_limit": (0.1, 0.1), "contrast_limit": (0.2, 0.2)},
        0,
        0,
    ),
    (
        "RandomBrightnessContrast",
        {
            "brightness_limit": (0.1, 0.1),
            "contrast_limit": (-0.2, -0.2),
            "brightness_by_max": False,
        },
        0,
        0,
    ),
    (
        "RandomBrightnessContrast",
        {
            "brightness_limit": (0.1, 0.1),
            "contrast_limit": (0.2, 0.2),
            "ensure_safe_range": True,
        },
        0,
        0.01,
    ),
    ("RandomGamma", {"gamma_limit": (70, 70)}, 0, 0),
    ("RandomToneCurve", {"scale": 0.0}, 0, BY_8_BITS),
    ("RandomToneCurve", {"scale": 0.0, "per_channel": True}, 0, BY_8_BITS),
    ("Solarize", {"threshold_range": (0.4, 0.4)}, 0, 0),
    ("ToFloat", {}, 0, 0),
    ("ToGray", {}, 0, 0),
    ("ToGray", {"num_output_channels": 1}, 0, 0),
    ("ToGray", {"method": "from_lab"}, 0, BY_8_BITS),
    ("ToGray", {"method": "desaturation"}, 0, 0),
    ("ToGray", {"method": "average"}, 0, 0),
    ("ToGray", {"method": "max", "num_output_channels": 2}, 0, 0),
    ("ToGray", {"method": "pca"}, 1, 0.01),
    ("ToRGB", {}, 0, 0),
    ("ToSepia", {}, 0, 0),
]


def picture(dtype, size=(64, 80), channels=3):
    image = practice_sample(size=size, channels=channels).image
    return image if dtype == np.uint8 else (image / 255).astype(np.float32)


def both(name, settings, image):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(peer, name)(p=1, **settings)(image=image.copy())["image"]
    return getattr(A, name)(p=1, **settings)(image=image)["image"], theirs


def levels_apart(ours, theirs):
    scale = 1 if ours.dtype == np.uint8 else 255
    return float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max()) * scale


@pytest.mark.parametrize(("name", "settings", "levels", "float_levels"), CASES)
def test_a_picture_comes_out_as_from_albumentations(name, settings, levels, float_levels):
    for dtype, allowed in ((np.uint8, levels), (np.float32, float_levels)):
        if name == "RGBShift" and dtype == np.float32:
            continue  # limits in levels mean nothing to the peer's floats
        ours, theirs = both(name, settings, picture(dtype))
        theirs = theirs.reshape(*theirs.shape[:2], -1)
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert levels_apart(ours, theirs) <= allowed + 2e-3


def test_sharpening_by_a_gaussian_is_that_of_albumentations_for_floats():
    # With 8 bits the peer's differences wrap around below 0; ours do not.
    settings = {"method": "gaussian", "alpha": (0.3, 0.3)}
    ours, theirs = both("Sharpen", settings, picture(np.float32))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    levels = A.Sharpen(p=1, **settings)(picture(np.uint8), 1) / 255
    assert np.abs(levels - ours).max() <= 1.5 / 255


@pytest.mark.parametrize(
    "normalization", ["standard", "image", "image_per_channel", "min_max", "min_max_per_channel"]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_normalize_gives_the_numbers_of_albumentations(normalization, dtype):
    ours, theirs = both("Normalize", {"normalization": normalization}, picture(dtype))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_shifted_floats_are_those_of_albumentations():
    limits = {f"{c}_shift_limit": (v, v) for c, v in zip("rgb", (0.1, -0.2, 0.05), strict=True)}
    ours, theirs = both("RGBShift", limits, picture(np.float32))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_floats_become_the_integers_of_albumentations(dtype):
    ours, theirs = both("FromFloat", {"dtype": dtype}, picture(np.float32))
    assert ours.dtype == theirs.dtype == dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("mode", ["blackbody", "cied"])
@pytest.mark.parametrize("kelvin", [4200, 6500, 12300])
def test_the_light_of_a_temperature_is_that_of_albumentations(mode, kelvin):
    theirs = peer.PlanckianJitter(mode=mode, p=1).apply(picture(np.uint8), temperature=kelvin)
    ours = A.PlanckianJitter(mode=mode, temperature_limit=(kelvin, kelvin), p=1)(picture(np.uint8))
    assert levels_apart(ours, theirs) <= 1


@pytest.mark.parametrize("name", ["CLAHE", "Equalize", "AutoContrast", "RandomGamma", "ToFloat"])
def test_gray_pictures_come_out_as_from_albumentations(name):
    settings = {"CLAHE": {"clip_limit": (3, 3)}, "RandomGamma": {"gamma_limit": (70, 70)}}
    image = picture(np.uint8, channels=1)
    ours, theirs = both(name, settings.get(name, {}), image)
    np.testing.assert_array_equal(ours, theirs.reshape(ours.shape))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Posterize", {"num_bits": 3}),
        ("Solarize", {"threshold_range": (0.4, 0.4)}),
        ("RandomGamma", {"gamma_limit": (70, 70)}),
        ("RandomBrightnessContrast", {"brightness_limit": (0.1, 0.1), "contrast_limit": 0}),
        ("MultiplicativeNoise", {"multiplier": (0.9, 0.9)}),
        ("AutoContrast", {"method": "pil"}),
        ("InvertImg", {}),
        ("ToSepia", {}),
        ("FancyPCA", {"alpha": 0.0}),
        ("HueSaturationValue", {"val_shift_limit": (20, 20)}),
        ("Equalize", {}),
    ],
)
def test_sixteen_bits_say_the_same_as_eight(name, settings):
    eight = picture(np.uint8)
    made = getattr(A, name)(p=1, **settings)
    sixteen = made(eight.astype(np.uint16) * 257, 3)
    assert sixteen.dtype == np.uint16
    apart = np.abs(sixteen / 257.0 - made(eight, 3).astype(np.float64))
    assert apart.mean() <= 1.0
