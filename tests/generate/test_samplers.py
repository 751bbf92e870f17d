from __future__ import annotations

import math

import pytest
import torch

from sfumato.errors import FieldError, RangeError
from sfumato.generate.ancestral import ancestral
from sfumato.generate.ddim import ddim
from sfumato.generate.denoise import Estimate, clipping, guidance, keeping
from sfumato.generate.dpm_solver import dpm_solver
from sfumato.generate.euler import euler
from sfumato.generate.heun import heun
from sfumato.generate.levels import sampling_levels
from sfumato.generate.process import DiffusionProcess
from sfumato.generate.schedule import CosineSchedule, LinearSchedule, ScaledLinearSchedule

SAMPLERS = (ancestral, ddim, euler, heun, dpm_solver)
MEAN, SPREAD = 0.4, 0.3
PROCESS = DiffusionProcess(schedule=LinearSchedule(steps=4000))


def of_normal_pictures(x, level):
    """The exact denoiser where pictures are normal: the mean of p(clean | x)."""
    variance = level.alpha**2 * SPREAD**2 + level.sigma**2
    gain = level.alpha * SPREAD**2 / variance
    return Estimate(MEAN + gain * (x - level.alpha * MEAN))


def flown(x, here, there):
    """The exact flow for normal pictures: standard scores stay as they are."""

    def spread(level):
        return math.sqrt(level.alpha**2 * SPREAD**2 + level.sigma**2)

    return there.alpha * MEAN + spread(there) / spread(here) * (x - here.alpha * MEAN)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def error_of(sampler, steps):
    levels = sampling_levels(PROCESS, steps, end_at_first=True, spacing="trailing")
    x = torch.linspace(-2, 2, 50, dtype=torch.float64).reshape(1, 1, 5, 10)
    found = sampler(of_normal_pictures, x, levels, seeded())
    exact = flown(x, levels.visited[0], levels.visited[-1])
    return (found - exact).abs().max().item()


@pytest.mark.parametrize(("sampler", "order"), [(ddim, 1), (euler, 1), (heun, 2), (dpm_solver, 2)])
def test_the_error_falls_with_the_order_of_the_method(sampler, order):
    coarse, fine = error_of(sampler, 40), error_of(sampler, 160)
    assert coarse / fine == pytest.approx(4**order, rel=0.35)


def test_euler_without_churn_is_ddim_without_noise():
    levels = sampling_levels(PROCESS, 17)
    x = torch.randn(2, 1, 4, 4, generator=seeded())
    one = euler(of_normal_pictures, x, levels, seeded())
    assert torch.equal(one, ddim(of_normal_pictures, x, levels, seeded()))


@pytest.mark.parametrize(
    "sampler",
    [
        lambda *a: ancestral(*a),
        lambda *a: ddim(*a, eta=1.0),
        lambda *a: ddim(*a, eta=0.5),
        lambda *a: euler(*a, churn=20.0),
    ],
)
def test_samplers_with_noise_draw_from_the_distribution_of_the_pictures(sampler):
    levels = sampling_levels(PROCESS, 1500)
    x = torch.randn(20_000, 1, 1, 1, generator=seeded(), dtype=torch.float64)
    found = sampler(of_normal_pictures, x, levels, seeded(1))
    assert found.mean().item() == pytest.approx(MEAN, abs=0.01)
    assert found.std().item() == pytest.approx(SPREAD, rel=0.03)


def test_the_learned_variance_lies_between_the_two_fixed_ones():
    levels = sampling_levels(DiffusionProcess(), 10)
    x = torch.randn(4, 1, 8, 8, generator=seeded())

    def with_share(value):
        def denoise(x, level):
            return Estimate(torch.zeros_like(x), torch.full_like(x, value))

        return ancestral(denoise, x, levels, seeded(1))

    def fixed(variance):
        return ancestral(
            lambda x, level: Estimate(torch.zeros_like(x)), x, levels, seeded(1), variance=variance
        )

    torch.testing.assert_close(with_share(-1.0), fixed("small"))
    torch.testing.assert_close(with_share(1.0), fixed("large"))


def test_a_learned_variance_that_nobody_learned_is_refused():
    levels = sampling_levels(PROCESS, 3)
    with pytest.raises(FieldError, match="no variance"):
        ancestral(of_normal_pictures, torch.zeros(1, 1, 2, 2), levels, seeded(), variance="learned")


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("spacing", ["even", "leading", "trailing", "karras"])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_denoiser_that_knows_the_picture_is_believed(sampler, spacing, steps):
    schedule = ScaledLinearSchedule(zero_terminal_snr=True)
    levels = sampling_levels(DiffusionProcess(schedule=schedule), steps, spacing=spacing)
    picture = torch.rand(1, 3, 4, 4, generator=seeded(5))
    x = torch.randn(1, 3, 4, 4, generator=seeded())
    found = sampler(lambda x, level: Estimate(picture), x, levels, seeded())
    torch.testing.assert_close(found, picture)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_known_part_of_a_picture_is_kept_exactly(sampler):
    levels = sampling_levels(PROCESS, 12)
    known = torch.rand(2, 1, 6, 6, generator=seeded(4)).double()
    keep = torch.zeros(1, 1, 6, 6)
    keep[..., :3] = 1
    x = torch.randn(2, 1, 6, 6, generator=seeded()).double()
    found = sampler(keeping(of_normal_pictures, known, keep), x, levels, seeded(1))
    torch.testing.assert_close(found[..., :3], known[..., :3])
    assert (found[..., 3:] - known[..., 3:]).abs().min() > 0


def test_while_filling_in_the_known_part_has_the_noise_of_its_level():
    levels = sampling_levels(PROCESS, 12)
    known = torch.full((1, 1, 4, 4), 0.7, dtype=torch.float64)
    x = torch.randn(1, 1, 4, 4, generator=seeded(), dtype=torch.float64)
    seen = []

    def watching(x, level):
        seen.append((x, level))
        return of_normal_pictures(x, level)

    start = levels.visited[0]
    ddim(keeping(watching, known, torch.ones(1, 1, 4, 4)), x, levels, seeded())
    noise = (x - start.alpha * known) / start.sigma
    for at, level in seen:
        torch.testing.assert_close(at, level.alpha * known + level.sigma * noise)


def test_a_lower_strength_keeps_the_last_steps():
    levels = sampling_levels(PROCESS, 20)
    half = levels.from_strength(0.5)
    assert len(half) == 10
    assert half.visited == levels.visited[10:]
    assert len(levels.from_strength(0.001)) == 1
    with pytest.raises(RangeError, match="strength"):
        levels.from_strength(0.0)


def test_stable_diffusion_visits_the_steps_that_everyone_sees():
    process = DiffusionProcess(schedule=ScaledLinearSchedule())
    visited = sampling_levels(process, 20, spacing="leading", offset=1).visited
    assert [level.time for level in visited[:-1]] == [951 - 50 * k for k in range(20)]


def test_guidance_has_a_minus_before_the_unguided_answer():
    unguided, guided = torch.randn(2, 3, 4, 4, generator=seeded()).split(1)
    found = guidance(unguided, guided, 7.5)
    torch.testing.assert_close(found, 7.5 * guided - 6.5 * unguided)
    torch.testing.assert_close(guidance(unguided, guided, 1.0), guided)
    torch.testing.assert_close(guidance(unguided, guided, 0.0), unguided)


def test_rescaled_guidance_has_the_spread_of_the_guided_answer():
    unguided, guided = torch.randn(2, 3, 8, 8, generator=seeded()).split(1)
    found = guidance(unguided, guided, 9.0, rescale=1.0)
    assert found.std().item() == pytest.approx(guided.std().item(), rel=1e-5)


def test_clipping_keeps_estimates_in_range():
    wild = clipping(lambda x, level: Estimate(x * 10))
    assert (
        wild(torch.ones(1, 1, 2, 2), PROCESS and sampling_levels(PROCESS, 1).visited[0]).clean.max()
        == 1
    )


def test_a_step_between_those_of_the_process_has_its_time():
    process = DiffusionProcess(schedule=CosineSchedule())
    levels = sampling_levels(process, 5)
    here = levels.visited[2]
    again = levels.at_ratio(here.ratio)
    assert again.time == pytest.approx(here.time)
    assert again.alpha == pytest.approx(here.alpha)
    assert here.time < levels.at_ratio(here.ratio * 1.05).time < levels.visited[1].time


@pytest.mark.parametrize("steps", [0, -3, 4001])
def test_an_impossible_number_of_steps_is_refused(steps):
    with pytest.raises(RangeError, match=r"outside \[1, 4000\]"):
        sampling_levels(PROCESS, steps)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda levels: ddim(of_normal_pictures, torch.ones(1), levels, seeded(), eta=2.0), "eta"),
        (
            lambda levels: euler(of_normal_pictures, torch.ones(1), levels, seeded(), churn=-1.0),
            "churn",
        ),
    ],
)
def test_settings_without_meaning_are_refused(call, said):
    with pytest.raises(RangeError, match=said):
        call(sampling_levels(PROCESS, 2))
