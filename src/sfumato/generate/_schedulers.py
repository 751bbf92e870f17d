"""What the scheduler of a published checkpoint says, in our own terms."""

from __future__ import annotations

from typing import Any

from sfumato.errors import SpecError
from sfumato.generate.process import Target
from sfumato.generate.schedule import CosineSchedule, LinearSchedule, ScaledLinearSchedule, Schedule

__all__ = ["schedule_of"]

SCHEDULES: dict[str, type[LinearSchedule] | type[ScaledLinearSchedule] | type[CosineSchedule]] = {
    "linear": LinearSchedule,
    "scaled_linear": ScaledLinearSchedule,
    "squaredcos_cap_v2": CosineSchedule,
}
TARGETS: dict[str, Target] = {
    "epsilon": "noise",
    "v_prediction": "velocity",
    "sample": "clean",
}


def schedule_of(scheduler: Any, who: str) -> tuple[Schedule, Target]:
    """Read schedule and target from a scheduler of diffusers.

    It does not matter which sampler the scheduler stands for: all that diffuse noise say the
    same about it.

    Raises:
        SpecError: betas or answers of a kind that is not known here.
    """
    name, config = type(scheduler).__name__, scheduler.config
    kind, answers = config.get("beta_schedule"), config.get("prediction_type", "epsilon")
    if kind is None or "num_train_timesteps" not in config:
        raise SpecError(
            f"{who}: a {name} adds noise by no schedule of betas, which is not supported",
            hint="Stable Diffusion 1, 2 and XL do; flows (3, Flux) do not",
        )
    if config.get("trained_betas") is not None:
        raise SpecError(
            f"{who}: its {name} lists betas of its own (trained_betas), which is not supported",
            hint=f"known are {', '.join(SCHEDULES)}",
        )
    if kind not in SCHEDULES or answers not in TARGETS:
        raise SpecError(
            f"{who}: a {name} with {kind!r} betas and {answers!r} answers is not supported",
            hint=f"known are {', '.join(SCHEDULES)} and {', '.join(TARGETS)}",
        )
    steps = int(config["num_train_timesteps"])
    settings: dict[str, Any] = {
        "steps": steps,
        "zero_terminal_snr": bool(config.get("rescale_betas_zero_snr", False)),
    }
    if kind != "squaredcos_cap_v2":
        # Ours gives the range of a diffusion of 1000 steps where it is linear.
        share = steps / 1000 if kind == "linear" else 1.0
        ends = (config["beta_start"], config["beta_end"])
        settings["beta_range"] = tuple(float(end) * share for end in ends)
    return SCHEDULES[kind](**settings), TARGETS[answers]
