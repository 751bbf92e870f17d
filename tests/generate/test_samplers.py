from __future__ import annotations

import math

import pytest
import torch

from sfumato.errors import FieldError, RangeError, ShapeError, SpecError
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
    assert len(levels.from_strength(0.29)) == 6  # 5.8 steps
    assert levels.from_strength(1.0).visited == levels.visited
    assert len(levels.from_strength(0.001)) == 1
    with pytest.raises(RangeError, match="strength"):
        levels.from_strength(0.0)


def test_stable_diffusion_visits_the_steps_that_everyone_sees():
    process = DiffusionProcess(schedule=ScaledLinearSchedule())
    visited = sampling_levels(process, 20, spacing="leading", offset=1).visited
    assert [level.time for level in visited[:-1]] == [951 - 50 * k for k in range(20)]


def test_strides_from_the_clean_end_are_whole_steps():
    # the field's convention: 1000 // 30 = 33 steps apart, so the noisiest is 29 * 33 + 1
    process = DiffusionProcess(schedule=ScaledLinearSchedule())
    times = [v.time for v in sampling_levels(process, 30, spacing="leading", offset=1).visited]
    assert times[:3] == [958, 925, 892]
    assert times[-2:] == [1, 0]


@pytest.mark.parametrize("kind", ["noise", "clean", "velocity"])
def test_a_level_works_out_the_picture_as_its_process_does(kind):
    clean, noise = torch.randn(2, 1, 3, 4, 4, generator=seeded(), dtype=torch.float64)
    level = sampling_levels(PROCESS, 4).visited[1]
    t = torch.tensor([int(level.time)])
    x = PROCESS.diffuse(clean, t, noise)
    answer = PROCESS.target(kind, clean, noise, t)
    torch.testing.assert_close(level.clean_from(kind, answer, x), clean)


def test_the_way_ends_at_the_clean_picture_and_knows_infinity():
    process = DiffusionProcess(schedule=ScaledLinearSchedule(zero_terminal_snr=True))
    visited = sampling_levels(process, 3, spacing="trailing").visited
    assert visited[-1] == (1.0, 0.0, 0.0)
    assert visited[0][:2] == (0.0, 1.0)
    assert visited[0].ratio == math.inf


@pytest.mark.parametrize("spacing", ["even", "leading", "trailing", "karras"])
def test_a_shortened_process_tells_the_times_of_the_long_one(spacing):
    short = PROCESS.respaced(50)
    levels = sampling_levels(short, 5, spacing=spacing)
    own = {int(time): k for k, time in enumerate(PROCESS.times)}
    for level in levels.visited[:-1]:
        near = min(own, key=lambda time: abs(time - level.time))
        ratio = PROCESS.sigmas[near] / PROCESS.alphas[near]
        assert level.ratio == pytest.approx(ratio, rel=1e-2)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_step_of_the_process_may_be_asked_for_and_an_offset_stops_at_its_end(sampler):
    # with offset 1 the last two strides meet at the noisiest level: a step of no length
    process = DiffusionProcess(schedule=CosineSchedule(steps=40))
    levels = sampling_levels(process, 40, spacing="leading", offset=1)
    assert [v.time for v in levels.visited[:3]] == [39, 39, 38]
    picture = torch.rand(1, 3, 4, 4, generator=seeded(5))
    x = torch.randn(1, 3, 4, 4, generator=seeded())
    known = Estimate(picture, torch.zeros_like(picture))
    torch.testing.assert_close(sampler(lambda x, level: known, x, levels, seeded()), picture)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_way_that_ends_where_it_was_last_asked_ends_there(sampler):
    process = DiffusionProcess(schedule=CosineSchedule(steps=40))
    levels = sampling_levels(process, 10, end_at_first=True)
    picture = torch.rand(1, 3, 4, 4, generator=seeded(5))
    x = torch.randn(1, 3, 4, 4, generator=seeded())
    known = Estimate(picture, torch.full_like(picture, -1.0))
    found = sampler(lambda x, level: known, x, levels, seeded())
    # the noise of the first step is all that is left beside the picture
    assert (found - picture).abs().max() < 6 * levels.visited[-1].sigma


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_sampler_remembers_how_it_came_there(sampler):
    weight = torch.ones((), requires_grad=True)
    x = torch.randn(1, 1, 2, 2, generator=seeded())
    found = sampler(lambda x, level: Estimate(x * weight), x, sampling_levels(PROCESS, 3), seeded())
    assert not found.requires_grad


@pytest.mark.parametrize(("churn", "more"), [(0.5, 0.1), (1e6, math.sqrt(2) - 1)])
def test_churn_raises_the_noise_by_its_share_of_the_steps_and_no_further(churn, more):
    levels = sampling_levels(PROCESS, 5)
    asked = []

    def watching(x, level):
        asked.append(level)
        return of_normal_pictures(x, level)

    euler(watching, torch.zeros(1, 1, 2, 2), levels, seeded(), churn=churn)
    for level, plain in zip(asked, levels.visited, strict=False):
        assert level.ratio == pytest.approx(plain.ratio * (1 + more), rel=1e-9)


def test_churn_waits_where_there_is_nothing_but_noise():
    process = DiffusionProcess(schedule=ScaledLinearSchedule(zero_terminal_snr=True))
    levels = sampling_levels(process, 6, spacing="trailing")
    x = torch.randn(1, 1, 4, 4, generator=seeded())
    assert bool(torch.isfinite(euler(of_normal_pictures, x, levels, seeded(), churn=3.0)).all())


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


def test_every_picture_is_rescaled_by_its_own_spread_and_only_by_the_share():
    rng = seeded()
    unguided, guided = (torch.randn(2, 3, 8, 8, generator=rng) for _ in range(2))
    guided[1] *= 5
    strong = 9.0 * guided - 8.0 * unguided
    found = guidance(unguided, guided, 9.0, rescale=0.7)
    for k in range(2):
        share = 0.7 * guided[k].std() / strong[k].std() + 0.3
        torch.testing.assert_close(found[k], strong[k] * share)


def test_an_answer_without_spread_stays_a_number():
    assert not guidance(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), 3.0, rescale=0.5).any()


def test_clipping_keeps_estimates_in_range_and_the_share_of_the_variance():
    x = torch.tensor([-1.0, -0.05, 0.05, 1.0]).reshape(1, 1, 2, 2)
    share = 2.0 * x
    found = clipping(lambda x, level: Estimate(x * 10, share))(x, sampling_levels(PROCESS, 1))
    assert found.clean.flatten().tolist() == [-1.0, -0.5, 0.5, 1.0]
    assert found.share is share


def test_what_is_kept_leaves_the_share_of_the_variance_and_blends():
    x = torch.zeros(1, 1, 1, 3)
    known, keep = torch.full_like(x, 3.0), torch.tensor([[[[0.0, 0.5, 1.0]]]])
    found = keeping(lambda x, level: Estimate(x + 1, x), known, keep)(x, None)
    assert found.clean.flatten().tolist() == [1.0, 2.0, 3.0]
    assert found.share is x
    with pytest.raises(ShapeError, match=r"the mask is \(1, 3\), the picture \(2, 3\)"):
        keeping(lambda x, level: Estimate(x), torch.zeros(1, 1, 2, 3), keep)


def test_a_step_between_those_of_the_process_has_its_time():
    process = DiffusionProcess(schedule=CosineSchedule())
    levels = sampling_levels(process, 5)
    here = levels.visited[2]
    again = levels.at_ratio(here.ratio)
    assert again.time == pytest.approx(here.time)
    assert again.alpha == pytest.approx(here.alpha)
    assert here.time < levels.at_ratio(here.ratio * 1.05).time < levels.visited[1].time


def test_a_spacing_that_there_is_not_is_refused():
    with pytest.raises(SpecError, match=r"'evn'.*\n.*even, leading, trailing, karras"):
        sampling_levels(PROCESS, 5, spacing="evn")


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
