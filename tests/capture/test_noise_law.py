"""The laws of noise across ISO."""

import math

import numpy as np
import pytest
from scipy import stats

from sfumato.capture.noise_law import NoiseLaw
from sfumato.capture.noise_model import NoiseModel
from sfumato.core.spec import from_yaml, to_yaml
from sfumato.errors import RangeError, ShapeError

LAW = NoiseLaw(
    gain_per_iso=(0.004, 0.005, 0.006, 0.005),
    read_law=(0.8, 1.1, 0.1),
    row_law=(0.9, -0.5, 0.2),
    tails=(-0.1, 0.0, 0.2),
    iso_range=(100.0, 12800.0),
    black=(512.0,),
    white=(16383.0,),
    step=1.0,
)


def test_a_model_follows_from_the_law_by_hand():
    model = LAW.at(800)
    gains = np.array([3.2, 4.0, 4.8, 4.0])
    np.testing.assert_allclose(model.gain, gains)
    np.testing.assert_allclose(model.read_noise, gains**0.8 * math.exp(1.1))
    assert model.row_noise == pytest.approx(gains.prod() ** (0.9 / 4) * math.exp(-0.5))
    assert (model.tail, model.black, model.step) == (0.0, (512.0,), 1.0)


def test_fitting_finds_the_law_that_made_the_models():
    isos = [100, 400, 1600, 6400]
    found = NoiseLaw.fit(isos, [LAW.at(iso) for iso in isos])
    np.testing.assert_allclose(found.gain_per_iso, LAW.gain_per_iso)
    np.testing.assert_allclose(found.read_law, (0.8, 1.1, 0.0), atol=1e-9)
    np.testing.assert_allclose(found.row_law, (0.9, -0.5, 0.0), atol=1e-9)
    assert (found.iso_range, found.white) == ((100.0, 6400.0), (16383.0,))


def test_fitting_many_drawn_models_finds_the_spread_again():
    rng = np.random.default_rng(7)
    isos = np.geomspace(100, 12800, 1000)
    found = NoiseLaw.fit(isos, [LAW.draw(rng, iso=iso) for iso in isos])
    assert found.read_law == pytest.approx((0.8, 1.1, 0.1), abs=0.02)
    assert found.row_law == pytest.approx((0.9, -0.5, 0.2), abs=0.04)


def test_draws_spread_as_the_law_says():
    rng = np.random.default_rng(3)
    models = [LAW.draw(rng) for _ in range(2000)]
    gains = np.array([model.gain[0] for model in models])
    stops = np.log(gains / 0.004)
    low, high = math.log(100), math.log(12800)
    assert stats.kstest(stops, stats.uniform(low, high - low).cdf).pvalue > 1e-3
    reads = np.array([model.read_noise[0] for model in models])
    residual = (np.log(reads) - 0.8 * np.log(gains) - 1.1) / 0.1
    assert stats.kstest(residual, "norm").pvalue > 1e-3
    assert {model.tail for model in models} == {-0.1, 0.0, 0.2}


def test_a_seed_gives_one_model_and_yaml_the_same_law():
    assert LAW.draw(11) == LAW.draw(11) != LAW.draw(12)
    assert from_yaml(to_yaml(LAW)) == LAW


def test_without_row_noise_or_tails_there_are_none():
    plain = [NoiseModel(gain=(k,), read_noise=(2 * k,)) for k in (1.0, 2.0, 4.0)]
    law = NoiseLaw.fit([100, 200, 400], plain)
    assert (law.row_law, law.tails, law.at(100).tail) == (None, (), None)


def test_what_makes_no_law_is_refused():
    model = NoiseModel()
    with pytest.raises(ShapeError, match="three different ISO"):
        NoiseLaw.fit([100, 200, 200], [model] * 3)
    with pytest.raises(ShapeError, match="2 models"):
        NoiseLaw.fit([100, 200, 400], [model] * 2)
    with pytest.raises(RangeError, match="above 0"):
        NoiseLaw.fit([100, 200, 400], [model, model, model.but(read_noise=(0.0,))])
    with pytest.raises(ShapeError, match="numbers of colors"):
        NoiseLaw.fit([100, 200, 400], [model, model, LAW.at(100)])
    with pytest.raises(RangeError, match="does not rise"):
        NoiseLaw(iso_range=(200.0, 100.0))
    with pytest.raises(RangeError, match="spread"):
        NoiseLaw(read_law=(1.0, 0.0, -1.0))
    with pytest.raises(RangeError, match="ISO is above 0"):
        LAW.at(-100)
