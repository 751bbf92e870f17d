from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.core.spec import from_yaml, to_yaml
from sfumato.errors import RangeError
from sfumato.generate.schedule import (
    CosineSchedule,
    LinearSchedule,
    ScaledLinearSchedule,
    SigmoidSchedule,
    without_terminal_signal,
)

ALL = (LinearSchedule, ScaledLinearSchedule, CosineSchedule, SigmoidSchedule)


def left(schedule):
    return np.cumprod(1 - schedule.betas())


@pytest.mark.parametrize(
    ("schedule", "rest"),
    [
        (LinearSchedule(), 4.0358e-5),
        (ScaledLinearSchedule(), 0.0046601),
        (ScaledLinearSchedule(beta_range=(0.0015, 0.0195)), 0.00014230),
        (CosineSchedule(), 2.43e-9),
        (CosineSchedule(steps=4000), 1.518e-10),
    ],
)
def test_the_published_models_end_with_this_much_signal(schedule, rest):
    assert left(schedule)[-1] == pytest.approx(rest, rel=1e-3)


@pytest.mark.parametrize(("steps", "first"), [(1000, 4.128422e-5), (4000, 9.865819e-6)])
def test_the_cosine_begins_as_published_and_stays_below_one(steps, first):
    betas = CosineSchedule(steps=steps).betas()
    assert betas[0] == pytest.approx(first, rel=1e-6)
    assert betas.max() == 0.999


def test_a_longer_linear_diffusion_ends_as_noisy():
    # beta shrinks as 1 / steps, so the sums of betas agree and the products nearly.
    long, short = left(LinearSchedule(steps=4000))[-1], left(LinearSchedule())[-1]
    assert np.log(long) == pytest.approx(np.log(short), rel=0.02)


def test_the_sigmoid_is_its_own_mirror():
    # alpha_bar(u) + alpha_bar(1 - u) = 1 for a curve that is symmetric about its middle.
    alpha_bars = left(SigmoidSchedule(steps=100))
    np.testing.assert_allclose(alpha_bars[:99] + alpha_bars[:99][::-1], 1, atol=1e-9)


@pytest.mark.parametrize("kind", ALL)
@given(steps=st.integers(50, 3000), zero=st.booleans())
def test_every_schedule_takes_signal_away_at_every_step(kind, steps, zero):
    schedule = kind(steps=steps, zero_terminal_snr=zero)
    betas = schedule.betas()
    assert betas.shape == (steps,)
    assert betas.dtype == np.float64
    assert (betas > 0).all()
    assert (betas <= 1).all()
    assert (np.diff(left(schedule)) < 0).all()
    assert (left(schedule)[-1] == 0) == zero


def test_the_corrected_schedule_keeps_its_first_step():
    plain = ScaledLinearSchedule().betas()
    mended = without_terminal_signal(plain)
    assert mended[0] == pytest.approx(plain[0], rel=1e-12)
    assert np.prod(1 - mended) == 0


@pytest.mark.parametrize("kind", ALL)
def test_a_schedule_is_written_down_and_read_back(kind):
    schedule = kind(steps=77, zero_terminal_snr=True)
    assert from_yaml(to_yaml(schedule)) == schedule


@pytest.mark.parametrize("steps", [19, 20])
def test_a_linear_schedule_of_too_few_steps_is_refused(steps):
    # 20 steps would end with a beta of 0.02 * 1000 / 20 = 1: nothing left to learn from
    with pytest.raises(RangeError, match=f"{steps} steps"):
        LinearSchedule(steps=steps)
    assert LinearSchedule(steps=21).betas()[-1] < 1


def test_the_temperature_of_the_sigmoid_stretches_it():
    # the published curve: (s(end) - s(at)) / (s(end) - s(start)) with s of place / temperature
    def s(place):
        return 1 / (1 + np.exp(-place / 2.5))

    at = -2.0 + (np.arange(51) / 50) * 5.0
    wanted = (s(3.0) - s(at)) / (s(3.0) - s(-2.0))
    found = left(SigmoidSchedule(steps=50, start=-2.0, end=3.0, temperature=2.5))
    np.testing.assert_allclose(found[:-1], wanted[1:-1], rtol=1e-9)


def test_a_sigmoid_that_ends_before_it_starts_is_refused():
    with pytest.raises(RangeError, match="after the start"):
        SigmoidSchedule(start=1.0, end=-1.0)
    with pytest.raises(RangeError, match="after the start"):
        SigmoidSchedule(start=1.0, end=1.0)
