"""Noise follows the law that its transform states."""

from __future__ import annotations

import albumentations as peer
import numpy as np
import pytest
from PIL import Image, ImageOps
from scipy import stats

import sfumato.augment as A
from sfumato.augment._chance import normal_field, uniform_field
from sfumato.capture import NoiseModel
from sfumato.testing import practice_sample

FLAT = np.full((128, 128, 3), 128, np.uint8)
UNIT = np.full((128, 128, 3), 0.5, np.float32)


def test_normal_numbers_follow_the_normal_law_to_the_tails():
    drawn = normal_field(7, (1_000_000,))
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    assert abs(stats.kurtosis(drawn)) < 0.03
    beyond = np.mean(np.abs(drawn) > 3.7)  # past the last layer, where the tail is drawn apart
    assert abs(beyond / (2 * stats.norm.sf(3.7)) - 1) < 0.25
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 5e-3


def test_uniform_numbers_follow_the_uniform_law():
    drawn = uniform_field(7, (200_000,))
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3
    assert 0.0 <= drawn.min() <= drawn.max() < 1.0
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01


@pytest.mark.parametrize("field", [normal_field, uniform_field])
def test_a_field_follows_from_its_seed_alone(field):
    np.testing.assert_array_equal(field(3, (4, 5)), field(3, (4, 5)))
    assert not np.array_equal(field(3, (4, 5)), field(4, (4, 5)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("per_channel", [True, False])
def test_gauss_noise_has_the_mean_and_deviation_it_was_asked_for(dtype, per_channel):
    white = {"uint8": 255, "uint16": 65535, "float32": 1}[np.dtype(dtype).name]
    image = np.full((128, 128, 3), white / 2, dtype)
    op = A.GaussNoise((0.1, 0.1), (0.05, 0.05), per_channel, p=1)
    noise = (op(image, 1).astype(np.float64) - image[0, 0, 0]) / white
    assert abs(noise.mean() - 0.05) < 4e-3
    assert abs(noise.std() - 0.1) < 3e-3
    apart = np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]
    assert apart < 0.05 if per_channel else apart > 0.99


def test_coarse_noise_is_alike_among_neighbors():
    op = A.GaussNoise((0.1, 0.1), noise_scale_factor=0.25, p=1)
    noise = op(UNIT, 1)[..., 0] - 0.5
    assert np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1] > 0.8


def test_variance_in_levels_is_understood_as_a_deviation():
    with pytest.warns(DeprecationWarning, match="var_limit"):
        op = A.GaussNoise(var_limit=(100, 100), p=1)
    assert op.std_range == pytest.approx((10 / 255, 10 / 255))


@pytest.mark.parametrize("kind", ["uniform", "gaussian", "laplace", "beta"])
@pytest.mark.parametrize("mode", ["per_pixel", "shared"])
def test_additive_noise_spreads_as_in_albumentations(kind, mode):
    params = {
        "uniform": {"ranges": [(-0.2, 0.1)]},
        "gaussian": {"mean_range": (0.05, 0.05), "std_range": (0.1, 0.1)},
        "laplace": {"mean_range": (0.05, 0.05), "scale_range": (0.07, 0.07)},
        "beta": {"alpha_range": (2, 2), "beta_range": (3, 3), "scale_range": (0.2, 0.2)},
    }[kind]
    ours, theirs = (
        maker.AdditiveNoise(kind, mode, params, p=1)(image=UNIT)["image"] - 0.5
        for maker in (A, peer)
    )
    assert abs(ours.mean() - theirs.mean()) < 6e-3
    assert abs(ours.std() / theirs.std() - 1) < 0.05
    same_everywhere = np.ptp(ours, axis=2).max() < 1e-6
    assert same_everywhere == (mode == "shared")


def test_an_unknown_parameter_of_a_law_is_refused():
    with pytest.raises(ValueError, match="'std_range' is unknown for uniform"):
        A.AdditiveNoise(noise_params={"std_range": (0, 1)})
    with pytest.raises(ValueError, match="is no range in"):
        A.AdditiveNoise(noise_params={"ranges": [(-2, 0)]})


@pytest.mark.parametrize("level", [30, 128, 220])
@pytest.mark.parametrize("scale", [0.02, 0.3])
def test_shot_noise_is_that_of_the_noise_model_and_of_albumentations(level, scale):
    image = np.full((300, 300, 3), level, np.uint8)
    ours = (A.ShotNoise((scale, scale), p=1)(image, 1) / 255.0) ** 2.2
    theirs = (peer.ShotNoise((scale, scale), p=1)(image=image)["image"] / 255.0) ** 2.2
    linear = np.full(image.shape, (level / 255.0) ** 2.2, np.float32)
    law = NoiseModel(gain=(scale,), read_noise=(0.0,), white=(1.0,))
    modelled = law.apply(linear, 2)
    for other in (theirs, modelled):
        assert abs(ours.mean() / other.mean() - 1) < 0.05
        assert abs(ours.var() / other.var() - 1) < 0.08


def test_shot_noise_of_floats_is_that_of_levels():
    op = A.ShotNoise((0.05, 0.05), p=1)
    floats = op(FLAT.astype(np.float32) / 255, 3)
    levels = op(FLAT, 3) / 255
    assert abs(floats.mean() - levels.mean()) < 3e-3
    assert abs(floats.std() / levels.std() - 1) < 0.05


def by_the_book(image, shift, strength, seed):
    """The law of `ISONoise`, written down with OpenCV and NumPy."""
    import cv2

    rng = np.random.default_rng(seed)
    hls = cv2.cvtColor(image, cv2.COLOR_RGB2HLS)
    count = rng.poisson(hls[..., 1].std() * strength * 255, hls.shape[:2])
    turn = rng.normal(0, 360 * shift * strength, hls.shape[:2])
    hls[..., 0] = np.mod(hls[..., 0] + turn, 360)
    hls[..., 1] += count / 255 * (1 - hls[..., 1])
    return cv2.cvtColor(hls.astype(np.float32), cv2.COLOR_HLS2RGB)


@pytest.mark.parametrize(("shift", "strength"), [(0.01, 0.1), (0.05, 0.5)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_iso_noise_follows_its_law_in_hue_and_lightness(shift, strength, dtype):
    image = practice_sample(size=(120, 160)).image
    unit = (image / 255).astype(np.float32)
    given = {"uint8": image, "uint16": image.astype(np.uint16) * 257, "float32": unit}
    picture = given[np.dtype(dtype).name]
    white = picture.max() / unit.max()
    op = A.ISONoise((shift, shift), (strength, strength), p=1)
    ours = np.stack([op(picture, seed) / white - unit for seed in range(4)])
    book = np.stack([by_the_book(unit, shift, strength, seed) - unit for seed in range(4)])
    np.testing.assert_allclose(ours.mean((0, 1, 2)), book.mean((0, 1, 2)), atol=2e-3)
    np.testing.assert_allclose(ours.std((0, 1, 2)), book.std((0, 1, 2)), rtol=0.06)


def test_without_strength_iso_noise_changes_nothing():
    image = practice_sample(size=(40, 50)).image
    out = A.ISONoise((0, 0), (0, 0), p=1)(image, 1)
    assert np.abs(out.astype(int) - image).max() <= 1


def test_salt_and_pepper_are_counted_out():
    out = A.SaltAndPepper((0.1, 0.1), (0.3, 0.3), p=1)(FLAT, 1)
    assert (out == 255).all(axis=2).sum() == int(128 * 128 * 0.1 * 0.3)
    assert (out == 0).all(axis=2).sum() == int(128 * 128 * 0.1 * 0.7)
    assert ((out == FLAT).all(axis=2) | (out == 255).all(axis=2) | (out == 0).all(axis=2)).all()


def test_multipliers_of_single_values_lie_in_their_range():
    op = A.MultiplicativeNoise((0.5, 1.5), per_channel=True, elementwise=True, p=1)
    factors = op(UNIT, 1) / 0.5
    assert stats.kstest(factors.ravel()[::7], "uniform", (0.5, 1.0)).pvalue > 1e-3


def test_fancy_pca_moves_all_pixels_alike_along_the_axes_of_the_colors():
    image = practice_sample(size=(60, 70)).image / np.float32(255)
    image = image * 0.4 + 0.3
    covariance = np.cov(image.reshape(-1, 3), rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    moves = np.stack([(A.FancyPCA(0.5, p=1)(image, k) - image) for k in range(200)])
    assert np.ptp(moves, axis=(1, 2)).max() < 1e-6
    along = moves[:, 0, 0] @ vectors
    np.testing.assert_allclose(along.std(axis=0), 0.5 * values, rtol=0.25)


def test_equalize_rounds_like_pillow_when_asked_to():
    image = practice_sample(size=(64, 80)).image
    ours = A.Equalize(mode="pil", p=1)(image)
    np.testing.assert_array_equal(ours, np.asarray(ImageOps.equalize(Image.fromarray(image))))


def test_only_what_the_mask_shows_is_counted_for_equalizing():
    image = practice_sample(size=(64, 80)).image
    mask = np.zeros((64, 80), np.uint8)
    mask[:, :40] = 1
    ours = A.Equalize(mask=mask, p=1)(image)
    left = A.Equalize(p=1)(np.ascontiguousarray(image[:, :40]))
    np.testing.assert_array_equal(ours[:, :40], left)
    called = A.Equalize(mask=lambda image, mask: mask, mask_params=("mask",), p=1)
    np.testing.assert_array_equal(called(image=image, mask=mask)["image"], ours)


def test_channels_are_shuffled_as_the_record_says():
    rng = np.random.default_rng(0)
    op = A.ChannelShuffle(p=1)
    for width in (1, 2, 3, 700):
        for channels in (3, 4):
            image = rng.integers(0, 256, (5, width, channels), np.uint8)
            for _ in range(6):
                order = rng.permutation(channels).tolist()
                out = op.change_image(image, {"order": order})
                np.testing.assert_array_equal(out, image[..., order])


def test_stains_of_a_made_section_are_found():
    from sfumato.augment.he_stain import measure_stains

    rng = np.random.default_rng(1)
    stains = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    amounts = rng.gamma(2.0, 0.5, (80, 80, 2)) * rng.choice([0.0, 1.0], (80, 80, 2), p=[0.3, 0.7])
    section = np.exp(-amounts @ stains).astype(np.float32)
    for sparse in (False, True):
        found = measure_stains(section, sparse=sparse)
        assert (np.sum(found * stains, axis=1) > 0.97).all()


def test_clouds_grow_finer_with_roughness():
    from sfumato.augment._plasma import plasma

    def likeness(roughness):
        cloud = plasma(100, 130, roughness, 3)
        assert cloud.min() == 0.0
        assert cloud.max() == pytest.approx(1.0)
        return np.corrcoef(cloud[:, :-1].ravel(), cloud[:, 1:].ravel())[0, 1]

    assert likeness(0.4) > likeness(0.7) > 0.9 > likeness(1.0) > 0.5 > likeness(3.0)
