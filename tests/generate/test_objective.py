from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from sfumato.errors import RangeError, ShapeError
from sfumato.generate.likelihood import (
    bits_per_dimension,
    divergence,
    log_likelihood_of_bins,
    prior_bits,
)
from sfumato.generate.objective import (
    diffusion_terms,
    min_snr_weights,
    split_variance,
    step_log_variance,
)
from sfumato.generate.process import DiffusionProcess, Gaussian
from sfumato.generate.schedule import CosineSchedule, LinearSchedule, ScaledLinearSchedule

PROCESS = DiffusionProcess(schedule=CosineSchedule())
CLEAN = torch.linspace(-1, 1, 48).reshape(1, 3, 4, 4)
NOISE = torch.cos(torch.arange(48.0)).reshape(1, 3, 4, 4)
ANSWER = torch.cat([0.5 * NOISE, 0.25 * NOISE], dim=1)


def hybrid(t, process=PROCESS, **options):
    return diffusion_terms(
        process, ANSWER, CLEAN, torch.tensor([t]), NOISE, variance="learned", **options
    )


@pytest.mark.parametrize(
    ("t", "bits"), [(0, 1.022385), (1, 0.116900), (500, 0.000575), (999, 91.778603)]
)
def test_the_terms_have_their_published_values(t, bits):
    terms = hybrid(t, objective="hybrid")
    assert terms["mse"].item() == pytest.approx(0.127359, abs=1e-6)
    assert terms["vlb"].item() == pytest.approx(bits, rel=1e-5, abs=1e-6)


def test_the_end_of_the_chain_costs_next_to_nothing():
    assert prior_bits(PROCESS, CLEAN).item() == pytest.approx(6.09e-10, rel=1e-3)


def test_the_weight_of_the_bound_grows_with_the_length_of_the_chain():
    long = DiffusionProcess(schedule=CosineSchedule(steps=4000))
    one = hybrid(2000, long, objective="hybrid")["vlb"]
    alone = hybrid(2000, long, objective="vlb")["vlb"]
    assert (one / alone).item() == pytest.approx(4 / 4000)


def test_in_the_hybrid_only_the_variance_learns_from_the_bound():
    output = ANSWER.clone().requires_grad_()
    t = torch.tensor([300])
    terms = diffusion_terms(
        PROCESS, output, CLEAN, t, NOISE, objective="hybrid", variance="learned"
    )
    terms["vlb"].sum().backward()
    mean, share = output.grad.split(3, dim=1)
    assert not mean.any()
    assert share.any()


def test_in_the_bound_alone_both_learn():
    output = ANSWER.clone().requires_grad_()
    t = torch.tensor([300])
    terms = diffusion_terms(PROCESS, output, CLEAN, t, NOISE, objective="vlb", variance="learned")
    assert list(terms) == ["vlb"]
    terms["vlb"].sum().backward()
    assert all(half.any() for half in output.grad.split(3, dim=1))


@pytest.mark.parametrize("target", ["noise", "clean", "velocity"])
def test_a_perfect_answer_has_no_squared_error(target):
    t = torch.tensor([700])
    answer = PROCESS.target(target, CLEAN, NOISE, t)
    terms = diffusion_terms(PROCESS, answer, CLEAN, t, NOISE, target=target)
    assert terms["mse"].item() == 0


def test_min_snr_makes_the_targets_equal():
    # A clean-picture error e is a noise error e * snr and a velocity error e * (snr + 1).
    t = torch.tensor([5, 200, 600, 990])
    snr = torch.from_numpy(PROCESS.signal_to_noise)[t].float()
    clean = min_snr_weights(PROCESS, "clean", t)
    torch.testing.assert_close(clean, snr.clamp(max=5))
    torch.testing.assert_close(min_snr_weights(PROCESS, "noise", t) * snr, clean)
    torch.testing.assert_close(min_snr_weights(PROCESS, "velocity", t) * (snr + 1), clean)


@pytest.mark.parametrize("gamma", [0.5, 5.0, 20.0])
@pytest.mark.parametrize("target", ["noise", "clean", "velocity"])
def test_min_snr_weighs_the_squared_error(target, gamma):
    t = torch.tensor([300])
    answer = torch.zeros_like(CLEAN)
    plain, weighed = (
        diffusion_terms(PROCESS, answer, CLEAN, t, NOISE, target=target, min_snr=g)["mse"].item()
        for g in (None, gamma)
    )
    snr = PROCESS.alpha_bars[300] / (1 - PROCESS.alpha_bars[300])
    own = {"noise": snr, "clean": 1.0, "velocity": snr + 1}[target]
    assert weighed == pytest.approx(plain * min(snr, gamma) / own, rel=1e-5)


def test_min_snr_ignores_noise_where_no_picture_is_left():
    process = DiffusionProcess(schedule=LinearSchedule(zero_terminal_snr=True))
    assert min_snr_weights(process, "noise", torch.tensor([999])).item() == 0


def test_the_large_variance_is_beta_but_for_the_first_step():
    t = torch.tensor([0, 1, 700])
    like = torch.zeros(3, 1, 1, 1, dtype=torch.float64)
    found = step_log_variance(PROCESS, "large", None, t, like).exp().flatten()
    wanted = [PROCESS.posterior_variances[1], PROCESS.betas[1], PROCESS.betas[700]]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))
    small = step_log_variance(PROCESS, "small", None, t, like).exp().flatten()
    assert small[2].item() == pytest.approx(PROCESS.posterior_variances[700])
    # one step alone has no second one to borrow from
    one = PROCESS.respaced(1)
    alone = step_log_variance(one, "large", None, t[:1], like[:1]).exp().item()
    assert alone == pytest.approx(one.betas[0])


def test_the_divergence_is_that_of_torch():
    rng = torch.Generator().manual_seed(1)
    a, b, c, d = torch.randn(4, 1000, generator=rng)
    p, q = Normal(a, (b / 2).exp()), Normal(c, (d / 2).exp())
    found = divergence(Gaussian(a, b), Gaussian(c, d))
    torch.testing.assert_close(found, kl_divergence(p, q), atol=1e-5, rtol=1e-4)


def test_the_bins_of_a_normal_distribution_add_up_to_one():
    values = torch.linspace(-1, 1, 256, dtype=torch.float64).reshape(-1, 1)
    for mean, spread in ((0.0, 0.3), (0.9, 0.05), (-1.4, 0.2)):
        guess = Gaussian(
            torch.full_like(values, mean), torch.full_like(values, 2 * math.log(spread))
        )
        total = log_likelihood_of_bins(values, guess).exp().sum()
        assert total.item() == pytest.approx(1, abs=1e-4)


def test_the_bins_have_the_exact_normal_probability():
    # the hyperbolic tangent is within 3e-4 of the integral
    values = torch.linspace(-0.9, 0.9, 200, dtype=torch.float64).reshape(-1, 1)
    guess = Gaussian(torch.zeros_like(values), torch.full_like(values, 2 * math.log(0.02)))
    exact = Normal(torch.zeros(1, dtype=torch.float64), 0.02)
    probability = exact.cdf(values + 1 / 255) - exact.cdf(values - 1 / 255)
    found = log_likelihood_of_bins(values, guess).exp()
    torch.testing.assert_close(found, probability, atol=6e-4, rtol=0)


def test_a_model_that_knows_the_picture_pays_for_its_bin_only():
    process = DiffusionProcess(schedule=LinearSchedule(steps=40))
    clean = torch.randint(0, 256, (2, 1, 8, 8), generator=torch.Generator().manual_seed(3))
    clean = clean / 127.5 - 1

    def know(x, t):
        log_variance = process.pick(process.posterior_log_variances, t, x).expand_as(x)
        return clean, log_variance

    cost = bits_per_dimension(process, know, clean, torch.Generator().manual_seed(0))
    assert cost.steps.shape == (2, 40)
    assert cost.steps[:, 1:].max().item() == pytest.approx(0, abs=1e-5)
    torch.testing.assert_close(cost.total, cost.steps.sum(dim=1) + cost.prior)
    assert cost.squared_error.max().item() == 0


def test_a_blind_model_pays_more():
    process = DiffusionProcess(schedule=LinearSchedule(steps=40))
    clean = torch.ones(1, 1, 8, 8) * 0.5

    def blind(x, t):
        log_variance = process.pick(process.posterior_log_variances, t, x).expand_as(x)
        return torch.zeros_like(x), log_variance

    cost = bits_per_dimension(process, blind, clean, torch.Generator().manual_seed(0))
    assert (cost.steps[:, 1:] > 0).all()
    assert cost.total.item() > 8


def test_every_part_of_the_cost_has_its_closed_form():
    # A short process that leaves much of the picture: each part of the bound can be seen.
    process = DiffusionProcess(schedule=ScaledLinearSchedule(steps=3, beta_range=(0.05, 0.3)))
    clean = torch.full((2, 1, 4, 4), 0.5)
    weight = torch.ones((), requires_grad=True)

    def wild(x, t):  # far beyond the range of pictures, where it is brought back to 1
        return 7.0 * weight * torch.ones_like(x), weight * torch.full_like(x, -2.0)

    cost = bits_per_dimension(process, wild, clean, torch.Generator().manual_seed(0))
    assert not cost.total.requires_grad
    torch.testing.assert_close(cost.squared_error, torch.full((2, 3), 0.25))
    left = process.alpha_bars[-1]
    end = kl_divergence(Normal(math.sqrt(left) * 0.5, math.sqrt(1 - left)), Normal(0.0, 1.0))
    torch.testing.assert_close(cost.prior, (end / math.log(2)).expand(2).float())
    torch.testing.assert_close(cost.total, cost.steps.sum(dim=1) + cost.prior)
    # At the first step the believed picture is the mean: what is left is noise of variance e^-2.
    guess = Normal(1.0, math.exp(-1.0))
    edges = torch.tensor([0.5 + 1 / 255, 0.5 - 1 / 255])
    first = -(guess.cdf(edges[0]) - guess.cdf(edges[1])).log2()
    torch.testing.assert_close(cost.steps[:, 0], first.expand(2), rtol=0.01, atol=0)


def test_what_a_model_holds_for_impossible_costs_a_bounded_number_of_bits():
    value = torch.tensor([[0.0]])
    guess = Gaussian(torch.tensor([[0.9]]), torch.tensor([[-12.0]]))
    assert log_likelihood_of_bins(value, guess).item() == pytest.approx(math.log(1e-12))


def test_bits_of_pictures_outside_the_range_are_refused():
    with pytest.raises(RangeError, match=r"-1\.\.1"):
        bits_per_dimension(
            PROCESS, lambda x, t: (x, x), torch.full((1, 1, 2, 2), 2.0), torch.Generator()
        )


def test_an_answer_without_a_variance_is_refused():
    with pytest.raises(ShapeError, match="6 channels, got 3"):
        split_variance(CLEAN, 3)
