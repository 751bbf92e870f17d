"""Degradations for restoration follow their laws, and can be repeated from their record."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sfumato.augment as A
from sfumato.augment.degrade_blur import blur
from sfumato.augment.degrade_noise import law_of
from sfumato.core import Sample
from sfumato.data import DegradedPictures
from sfumato.data.source import SampleList
from sfumato.errors import RangeError, ShapeError
from sfumato.testing import practice_sample

PICTURE = practice_sample(size=(48, 64)).image


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(["uint8", "uint16", "float32"]), st.sampled_from([1, 3])
)
def test_a_sample_becomes_a_pair_and_the_good_picture_stays(seed, dtype, channels):
    white = {"uint8": 1, "uint16": 257, "float32": 1 / 255}[dtype]
    good = (PICTURE[..., :channels] * np.float64(white)).astype(dtype)
    before = good.copy()
    pair = A.Degrade()(Sample(good), seed)
    assert pair.image.shape == good.shape
    assert pair.image.dtype == pair.target.dtype == dtype
    np.testing.assert_array_equal(pair.target, before)
    np.testing.assert_array_equal(good, before)
    assert not np.may_share_memory(pair.target, good)
    assert np.isfinite(pair.image).all()
    if dtype == "float32":
        assert 0 <= pair.image.min() <= pair.image.max() <= 1


def test_the_result_is_worse_and_like_the_picture():
    scores = []
    for seed in range(6):
        pair = A.Degrade()(Sample(PICTURE), seed)
        error = np.mean((pair.image.astype(float) - PICTURE) ** 2)
        scores.append(10 * np.log10(255**2 / error))
    assert 10 < np.mean(scores) < 32


def test_the_same_record_gives_the_same_picture_also_after_json():
    op = A.Degrade()
    targets_rng = np.random.default_rng(4)
    record = op.draw(targets_rng, None)
    again = json.loads(json.dumps(record))
    np.testing.assert_array_equal(op.replay(PICTURE, record), op.replay(PICTURE, again))
    other = op.draw(targets_rng, None)
    assert (op.replay(PICTURE, other) != op.replay(PICTURE, record)).any()


def test_a_smaller_result_has_the_scale_that_was_asked_for():
    pair = A.Degrade(scale=4)(Sample(PICTURE), 0)
    assert pair.image.shape == (12, 16, 3)
    assert pair.target.shape == (48, 64, 3)
    with pytest.raises(ShapeError, match="scale 4"):
        A.Degrade(scale=4)(Sample(PICTURE, mask=np.zeros((48, 64), np.uint8)), 0)


def test_records_stay_in_the_published_ranges():
    op, rng = A.Degrade(), np.random.default_rng(0)
    records = [op.draw(rng, None) for _ in range(3000)]
    for name, sigma, factor, amount in (
        ("first", (0.2, 3.0), (0.15, 1.5), {"gaussian": (1, 30), "poisson": (0.05, 3)}),
        ("second", (0.2, 1.5), (0.3, 1.2), {"gaussian": (1, 25), "poisson": (0.05, 2.5)}),
    ):
        passes = [record[name] for record in records]
        blurs = [one["blur"] for one in passes if one["blur"] is not None]
        assert {b["size"] for b in blurs} == set(range(7, 22, 2))
        sigmas = np.concatenate([b["sigmas"] for b in blurs if "sigmas" in b])
        assert sigma[0] <= sigmas.min() <= sigmas.max() <= sigma[1]
        factors = np.array([one["factor"] for one in passes])
        assert factor[0] <= factors.min() <= factors.max() <= factor[1]
        for kind, (low, high) in amount.items():
            drawn = [one["noise"]["amount"] for one in passes if one["noise"]["kind"] == kind]
            assert low <= min(drawn) <= max(drawn) <= high
            assert 0.45 < len(drawn) / len(passes) < 0.55
        assert {one["quality"] for one in passes} == set(range(30, 96))
        sinc = np.mean([b["kind"] == "sinc" for b in blurs])
        assert abs(sinc - 0.1) < 0.02
    second = np.mean([record["second"]["blur"] is not None for record in records])
    assert abs(second - 0.8) < 0.03
    assert abs(np.mean([record["sinc"] is not None for record in records]) - 0.8) < 0.03
    shrunk = np.array([record["first"]["factor"] for record in records])
    assert abs(np.mean(shrunk > 1) - 0.2) < 0.03
    assert abs(np.mean(shrunk == 1) - 0.1) < 0.03


def test_the_kinds_of_kernels_come_by_their_weights():
    op, rng = A.DegradeBlur(sinc_prob=0), np.random.default_rng(0)
    kinds = [op.draw_kernel(rng)["kind"] for _ in range(4000)]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    wanted = {
        "iso": 0.45, "aniso": 0.25, "generalized_iso": 0.12, "generalized_aniso": 0.03,
        "plateau_iso": 0.12, "plateau_aniso": 0.03,
    }  # fmt: skip
    for kind, share in wanted.items():
        assert abs(shares[kind] - share) < 0.03


def test_a_round_kernel_spreads_a_point_by_its_deviation():
    point = np.zeros((41, 41, 1), np.float32)
    point[20, 20] = 1
    spread = blur(
        point, {"kind": "iso", "size": 21, "sigmas": [2.0, 2.0], "degrees": 0.0, "beta": 1.0}
    )[..., 0]
    y, x = np.mgrid[-20:21, -20:21]
    assert (spread * x**2).sum() == pytest.approx(4.0, rel=0.02)
    assert (spread * y**2).sum() == pytest.approx(4.0, rel=0.02)


@pytest.mark.parametrize(("kind", "amount"), [("gaussian", 20.0), ("poisson", 2.0)])
@pytest.mark.parametrize("level", [0.25, 0.6])
def test_noise_has_the_variance_of_the_noise_model(kind, amount, level):
    flat = np.full((200, 200, 1), level, np.float32)
    record = {"kind": kind, "amount": amount, "gray": False, "seed": 3}
    out = A.DegradeNoise(p=1).change_image(flat, record)
    expected = float(law_of(record).variance(level))
    assert out.var() == pytest.approx(expected, rel=0.05)
    assert out.mean() == pytest.approx(level, abs=2e-3)
    book = (amount / 255) ** 2 if kind == "gaussian" else amount**2 * level / 256
    assert expected == pytest.approx(book)


def test_gray_noise_is_the_same_in_all_channels():
    flat = np.full((50, 50, 3), 0.5, np.float32)
    for kind in ("gaussian", "poisson"):
        record = {"kind": kind, "amount": 2.0, "gray": True, "seed": 3}
        out = A.DegradeNoise(p=1).change_image(flat, record)
        assert np.ptp(out, axis=2).max() < 1e-6
        assert out.std() > 1e-3


@pytest.mark.parametrize("faces", [False, True])
def test_one_pass_keeps_the_size_and_its_ranges(faces):
    op = A.Degrade.single_pass(faces=faces)
    record = op.draw(np.random.default_rng(1), None)
    assert record["second"] is None
    assert record["sinc"] is None
    assert record["first"]["blur"]["size"] == 41
    assert op.replay(PICTURE, record).shape == PICTURE.shape
    assert A.Degrade.from_yaml(op.to_yaml()) == op


def test_pairs_for_training_come_from_pictures():
    pairs = DegradedPictures(source=SampleList(samples=(Sample(PICTURE),)), degrade=A.Degrade())
    pair = pairs[0]
    np.testing.assert_array_equal(pair.target, PICTURE)
    assert (pair.image != PICTURE).any()


def test_by_name_the_target_is_given_where_it_was_asked_for():
    out = A.Degrade()(image=PICTURE, target=PICTURE, rng=0)
    np.testing.assert_array_equal(out["target"], PICTURE)
    assert (out["image"] != PICTURE).any()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: A.DegradeBlur(kinds=(0, 0, 0, 0, 0, 0)),
        lambda: A.DegradeBlur(size_range=(4, 4)),
        lambda: A.DegradePass(resize_odds=(0, 0, 0)),
        lambda: A.DegradePass(resize_range=(1.0, 0.5)),
        lambda: A.DegradeNoise(sigma_range=(0, 300)),
    ],
)
def test_impossible_degradations_are_refused_when_built(wrong):
    with pytest.raises(RangeError):
        wrong()
