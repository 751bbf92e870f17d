from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sfumato.core.spec import from_yaml, to_yaml
from sfumato.errors import RangeError
from sfumato.generate.process import DiffusionProcess, respaced_steps
from sfumato.generate.schedule import CosineSchedule, LinearSchedule, ScaledLinearSchedule

COSINE = DiffusionProcess(schedule=CosineSchedule())


def pictures(n=3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(n, 2, 4, 5, generator=rng) * 2 - 1, torch.randn(n, 2, 4, 5, generator=rng)


@pytest.mark.parametrize(("steps", "ratio"), [(1000, 0.472229), (4000, 0.492426)])
def test_the_posterior_of_the_second_step_is_as_published(steps, ratio):
    process = DiffusionProcess(schedule=CosineSchedule(steps=steps))
    assert process.posterior_variances[1] / process.betas[1] == pytest.approx(ratio, rel=2e-6)
    assert process.posterior_log_variances[0] == np.log(process.posterior_variances[1])


def test_jumping_to_a_step_equals_walking_there():
    # Walk with the mean and the variance of each step: after t steps both are those of the jump.
    mean, variance = 1.0, 0.0
    for t, beta in enumerate(COSINE.betas):
        mean, variance = mean * np.sqrt(1 - beta), variance * (1 - beta) + beta
        assert COSINE.alphas[t] == pytest.approx(mean, rel=1e-9)
        assert COSINE.sigmas[t] ** 2 == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("t", [1, 10, 500, 998])
def test_the_posterior_is_that_of_bayes(t):
    # p(x_{t-1} | x_t, x_0) from the product of two normal densities, in its own words.
    process, clean, x = COSINE, 0.3, -0.8
    beta, before = process.betas[t], process.alpha_bars[t - 1]
    precision = (1 - beta) / beta + 1 / (1 - before)
    mean = (np.sqrt(1 - beta) * x / beta + np.sqrt(before) * clean / (1 - before)) / precision
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    found = process.posterior(clean * one, x * one, torch.tensor([t]))
    assert found.mean.item() == pytest.approx(mean, rel=1e-9)
    assert np.exp(found.log_variance.item()) == pytest.approx(1 / precision, rel=1e-9)


@pytest.mark.parametrize("kind", ["noise", "clean", "velocity"])
@given(t=st.integers(0, 999), seed=st.integers(0, 99))
def test_every_target_gives_the_picture_back(kind, t, seed):
    process = DiffusionProcess(schedule=LinearSchedule())
    clean, noise = (p.double() for p in pictures(1, seed))
    steps = torch.tensor([t])
    x = process.diffuse(clean, steps, noise)
    answer = process.target(kind, clean, noise, steps)
    found = process.clean_from(kind, answer, x, steps)
    torch.testing.assert_close(found, clean, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(process.noise_from(found, x, steps), noise, atol=1e-6, rtol=1e-6)


def test_pictures_of_one_batch_have_their_own_steps():
    clean, noise = pictures(3)
    t = torch.tensor([0, 500, 999])
    together = COSINE.diffuse(clean, t, noise)
    for k in range(3):
        alone = COSINE.diffuse(clean[k : k + 1], t[k : k + 1], noise[k : k + 1])
        assert torch.equal(together[k : k + 1], alone)


def test_noise_cannot_be_taken_away_where_no_picture_is_left():
    process = DiffusionProcess(schedule=ScaledLinearSchedule(zero_terminal_snr=True))
    clean, noise = pictures(1)
    t = torch.tensor([999])
    x = process.diffuse(clean, t, noise)
    assert torch.equal(x, noise)
    with pytest.raises(RangeError, match="no signal is left"):
        process.clean_from("noise", noise, x, t)
    # alpha is 0 and sigma 1 there: the velocity is minus the picture
    assert torch.equal(process.clean_from("velocity", -clean, x, t), clean)


@pytest.mark.parametrize("count", [25, 50, 100, 200, 400])
def test_strided_steps_are_the_published_ones(count):
    # round(i * (T - 1) / (K - 1)), which NumPy can say in its own words
    wanted = np.linspace(0, 3999, count).round().astype(int)
    assert respaced_steps(4000, count) == tuple(wanted.tolist())


def test_a_single_step_is_the_noisiest():
    assert respaced_steps(1000, 1) == (999,)
    one = COSINE.respaced(1)
    # straight from the picture to step 999: its own beta is all that can be said of it
    assert one.betas[0] == pytest.approx(1 - COSINE.alpha_bars[-1], rel=1e-12)
    assert one.posterior_log_variances[0] == np.log(one.betas[0])
    with pytest.raises(RangeError, match="0 of 1000"):
        respaced_steps(1000, 0)


def test_one_step_without_signal_in_a_batch_is_enough_to_refuse():
    process = DiffusionProcess(schedule=ScaledLinearSchedule(zero_terminal_snr=True))
    clean, noise = pictures(2)
    with pytest.raises(RangeError, match="no signal is left"):
        process.clean_from("noise", noise, clean, torch.tensor([3, 999]))


@pytest.mark.parametrize("share", [-3.0, -1.0, 0.5, 1.0, 4.0])
def test_a_share_beyond_the_two_variances_is_not_held_back(share):
    t = torch.tensor([400])
    value = torch.full((1, 1, 1, 1), share, dtype=torch.float64)
    low, high = np.log(COSINE.posterior_variances[400]), np.log(COSINE.betas[400])
    found = COSINE.learned_log_variance(value, t).item()
    assert found == pytest.approx(low + (share + 1) / 2 * (high - low), rel=1e-9)


@given(steps=st.integers(2, 5000), data=st.data())
def test_respaced_steps_are_distinct_and_have_both_ends(steps, data):
    count = data.draw(st.integers(2, min(steps, 300)))
    picked = respaced_steps(steps, count)
    assert len(set(picked)) == count
    assert (picked[0], picked[-1]) == (0, steps - 1)
    assert list(picked) == sorted(picked)


def test_a_respaced_process_agrees_with_the_long_one_at_its_steps():
    long = DiffusionProcess(schedule=CosineSchedule(steps=4000))
    short = long.respaced(50)
    np.testing.assert_allclose(np.cumprod(1 - short.betas), short.alpha_bars, rtol=1e-9)
    np.testing.assert_array_equal(short.alpha_bars, long.alpha_bars[list(short.keep)])
    again = short.respaced(10)
    assert set(again.keep) <= set(short.keep)
    assert from_yaml(to_yaml(again)) == again


@pytest.mark.parametrize("keep", [(), (3, 3), (5, 2), (-1, 4), (0, 1000)])
def test_steps_that_make_no_process_are_refused(keep):
    with pytest.raises(RangeError, match="ascend"):
        DiffusionProcess(keep=keep)


def test_more_steps_than_there_are_are_refused():
    with pytest.raises(RangeError, match="1001 of 1000"):
        COSINE.respaced(1001)
