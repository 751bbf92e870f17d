from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import shannon_entropy

from sfumato.errors import DtypeError, RangeError
from sfumato.measure import Entropy, entropy


def test_known_distributions():
    assert entropy(np.ones(8)) == 3.0
    assert entropy(np.ones(8), unit="nats") == pytest.approx(np.log(8))
    assert entropy(np.array([1, 0, 0])) == 0.0
    assert entropy(np.array([0.9, 0.1])) == pytest.approx(0.4689955935892812)


@given(hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 100)))
def test_it_lies_between_nothing_and_the_even_distribution(weights):
    if weights.sum() == 0:
        with pytest.raises(RangeError, match="not all 0"):
            entropy(weights)
        return
    assert 0.0 <= entropy(weights) <= np.log2(np.count_nonzero(weights)) + 1e-12
    assert entropy(7 * weights) == pytest.approx(entropy(weights), abs=1e-12)


def test_a_grey_picture_is_that_of_scikit_image(rng):
    image = rng.normal(120, 30, (300, 40)).clip(0, 255).astype(np.uint8)
    assert Entropy()(image) == pytest.approx(shannon_entropy(image), abs=1e-12)
    assert Entropy(unit="nats")(image) == pytest.approx(shannon_entropy(image, np.e), abs=1e-12)


def test_colors_are_averaged_and_dtypes_agree(rng):
    image = rng.integers(0, 256, (200, 30, 3), dtype=np.uint8)
    image[..., 1] = 7
    single = [Entropy()(image[..., c]) for c in range(3)]
    assert single[1] == 0.0
    assert Entropy()(image) == pytest.approx(np.mean(single))
    assert Entropy()(image.astype(np.uint16) * np.uint16(257)) == Entropy()(image)
    floats = ((image.astype(np.float32) + 0.5) / 256).astype(np.float32)
    assert Entropy()(floats) == Entropy()(image)


def test_coarser_bins_hold_less(rng):
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert [Entropy(bins=n)(ramp) for n in (2, 256, 65536)] == [1.0, 8.0, 16.0]
    assert Entropy(bins=2)(np.array([[-5.0, 0.1, 0.9, 7.0]], np.float32)) == 1.0


def test_a_set_is_the_mean_and_needs_no_targets():
    metric = Entropy()
    metric.update(np.zeros((4, 4), np.uint8))
    metric.update(np.arange(16, dtype=np.uint8).reshape(4, 4))
    assert metric.compute() == 2.0


def test_what_is_no_distribution_is_refused():
    for broken in ([0.5, -0.1], [np.nan, 1.0], [np.inf, 1.0], [0, 0]):
        with pytest.raises(RangeError):
            entropy(np.array(broken))
    with pytest.raises(DtypeError):
        entropy(np.array(["a"]))
    with pytest.raises(RangeError, match="'bits' or 'nats'"):
        entropy(np.ones(2), unit="bans")
    with pytest.raises(RangeError, match="NaN"):
        Entropy()(np.full((3, 3), np.nan, np.float32))
