"""The same steps as the schedulers of a well-known library, where both can be asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sfumato.generate.ancestral import ancestral
from sfumato.generate.ddim import ddim
from sfumato.generate.denoise import Estimate
from sfumato.generate.dpm_solver import dpm_solver
from sfumato.generate.euler import euler
from sfumato.generate.heun import heun
from sfumato.generate.levels import sampling_levels
from sfumato.generate.process import DiffusionProcess
from sfumato.generate.schedule import (
    CosineSchedule,
    LinearSchedule,
    ScaledLinearSchedule,
    without_terminal_signal,
)

diffusers = pytest.importorskip("diffusers")

# Their NumPy conversions of tensors.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPE = (1, 3, 6, 6)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def answer(x, time):
    """Some smooth answer of a network that depends on everything."""
    return 0.6 * torch.tanh(x * 0.7) + 0.2 * torch.cos(torch.as_tensor(time) / 300)


def denoiser(process, kind="noise"):
    def denoise(x, level):
        out = answer(x, level.time)
        if kind == "velocity":
            return Estimate(level.alpha * x - level.sigma * out)
        return Estimate((x - level.sigma * out) / level.alpha)

    return denoise


def scheduled(scheduler, steps, x, scaled=False):
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        told = scheduler.scale_model_input(x, t) if scaled else x
        x = scheduler.step(answer(told, float(t)), t, x, return_dict=False)[0]
    return x


SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
PROCESS = DiffusionProcess(schedule=ScaledLinearSchedule())


@pytest.mark.parametrize(
    ("own", "theirs", "options"),
    [
        (CosineSchedule(), "squaredcos_cap_v2", {}),
        (LinearSchedule(), "linear", {}),
        (ScaledLinearSchedule(), "scaled_linear", SD),
    ],
)
def test_betas_agree_to_single_precision(own, theirs, options):
    scheduler = diffusers.DDPMScheduler(**{"beta_schedule": theirs} | options)
    np.testing.assert_allclose(own.betas(), scheduler.betas, rtol=2e-6, atol=1e-9)


def test_schedules_without_terminal_signal_agree():
    from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

    betas = ScaledLinearSchedule().betas()
    theirs = rescale_zero_terminal_snr(torch.from_numpy(betas))
    np.testing.assert_allclose(without_terminal_signal(betas), theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_ddim_agrees_at_every_eta(eta):
    scheduler = diffusers.DDIMScheduler(
        **SD, clip_sample=False, set_alpha_to_one=False, steps_offset=1
    )
    scheduler.set_timesteps(20)
    rng, x = seeded(1), torch.randn(SHAPE, generator=seeded())
    ours = x
    for t in scheduler.timesteps:
        out = answer(x, float(t))
        x = scheduler.step(out, t, x, eta=eta, generator=rng, return_dict=False)[0]
    levels = sampling_levels(PROCESS, 20, spacing="leading", offset=1, end_at_first=True)
    ours = ddim(denoiser(PROCESS), ours, levels, seeded(1), eta=eta)
    torch.testing.assert_close(ours, x, atol=1e-4, rtol=1e-4)


def test_ddim_agrees_where_no_signal_is_left():
    scheduler = diffusers.DDIMScheduler(
        **SD, clip_sample=False, rescale_betas_zero_snr=True, timestep_spacing="trailing",
        prediction_type="v_prediction",
    )  # fmt: skip
    process = DiffusionProcess(schedule=ScaledLinearSchedule(zero_terminal_snr=True))
    x = torch.randn(SHAPE, generator=seeded())
    levels = sampling_levels(process, 10, spacing="trailing")
    ours = ddim(denoiser(process, "velocity"), x, levels, seeded())
    torch.testing.assert_close(ours, scheduled(scheduler, 10, x), atol=1e-4, rtol=1e-4)


def test_dpm_solver_agrees():
    scheduler = diffusers.DPMSolverMultistepScheduler(
        **SD, timestep_spacing="trailing", final_sigmas_type="zero", solver_type="midpoint"
    )
    x = torch.randn(SHAPE, generator=seeded())
    levels = sampling_levels(PROCESS, 12, spacing="trailing")
    ours = dpm_solver(denoiser(PROCESS), x, levels, seeded())
    torch.testing.assert_close(ours, scheduled(scheduler, 12, x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("sampler", "scheduler"),
    [(euler, "EulerDiscreteScheduler"), (heun, "HeunDiscreteScheduler")],
)
def test_euler_and_heun_agree_in_their_own_scale(sampler, scheduler):
    scheduler = getattr(diffusers, scheduler)(**SD, timestep_spacing="trailing")
    levels = sampling_levels(PROCESS, 10, spacing="trailing")
    x = torch.randn(SHAPE, generator=seeded())
    ours = sampler(denoiser(PROCESS), x, levels, seeded())
    # theirs carries x / alpha
    theirs = scheduled(scheduler, 10, x / levels.visited[0].alpha, scaled=True)
    torch.testing.assert_close(ours, theirs, atol=3e-4, rtol=3e-4)


@pytest.mark.parametrize("steps", [25, 100])
def test_strided_ancestral_steps_agree_with_a_learned_variance(steps):
    scheduler = diffusers.DDPMScheduler(
        num_train_timesteps=4000, beta_schedule="squaredcos_cap_v2", variance_type="learned_range",
        timestep_spacing="linspace", clip_sample=True,
    )  # fmt: skip
    process = DiffusionProcess(schedule=CosineSchedule(steps=4000))
    levels = sampling_levels(process, steps)
    scheduler.set_timesteps(steps)
    assert [level.time for level in levels.visited[:-1]] == scheduler.timesteps.tolist()
    x = ours = torch.randn(SHAPE, generator=seeded())
    rng = seeded(1)
    for t in scheduler.timesteps:
        out = torch.cat([answer(x, float(t)), 0.3 * torch.sin(x)], dim=1)
        x = scheduler.step(out, t, x, generator=rng, return_dict=False)[0]

    def denoise(x, level):
        clean = (x - level.sigma * answer(x, level.time)) / level.alpha
        return Estimate(clean.clamp(-1, 1), 0.3 * torch.sin(x))

    ours = ancestral(denoise, ours, levels, seeded(1))
    # float32 tables there lose three digits near the clean end
    torch.testing.assert_close(ours, x, atol=1e-3, rtol=1e-3)


def test_karras_levels_agree():
    scheduler = diffusers.EulerDiscreteScheduler(**SD, use_karras_sigmas=True)
    scheduler.set_timesteps(9)
    levels = sampling_levels(PROCESS, 9, spacing="karras")
    ratios = [level.ratio for level in levels.visited]
    np.testing.assert_allclose(ratios, scheduler.sigmas, rtol=1e-4)
    times = [level.time for level in levels.visited[:-1]]
    np.testing.assert_allclose(times, scheduler.timesteps, atol=0.01)
