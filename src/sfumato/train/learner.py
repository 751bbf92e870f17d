"""All that changes while training: weights, optimisers, averages, counters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sfumato.core.batch import Batch
from sfumato.core.method import Method, Part
from sfumato.core.tensors import Tensor, nn, torch
from sfumato.errors import RangeError, SfumatoError, ShapeError, SpecError
from sfumato.nn.ema import EMA
from sfumato.train.dice import seed_layers, seed_of
from sfumato.train.guards import explained
from sfumato.train.recipe import Recipe
from sfumato.train.workplace import Workplace

__all__ = ["Learner"]

MOST_SKIPPED = 10
"""So many optimiser steps in a row may be left out because a number was none."""


class Learner:
    """A method that learns, one step after the other.

    Args:
        method: what learns; it is moved to the device and shared by all processes.
        recipe: how.
        place: where.

    Raises:
        SpecError: a part has nothing to learn, or the plan names a part there is not.
    """

    def __init__(self, method: Method, recipe: Recipe, place: Workplace) -> None:
        self.method, self.recipe, self.place = method, recipe, place
        method.to(place.device)
        place.share(method)
        self.parameters = {name: _distinct(part) for name, part in method.parts().items()}
        strangers = sorted(set(method.plan()) - set(self.parameters))
        if strangers:
            raise SpecError(
                f"{type(method).__name__}: the plan names '{strangers[0]}', which is no part",
                hint=f"parts: {', '.join(self.parameters)}",
            )
        for name, parameters in self.parameters.items():
            if not parameters:
                raise SpecError(f"{type(method).__name__}: part '{name}' has nothing to learn")
        self.plans = {name: method.plan().get(name, Part()) for name in self.parameters}
        self.optimizers = {name: self._optimizer(name) for name in self.parameters}
        learning = [p for parameters in self.parameters.values() for p in parameters]
        self.average = None if recipe.ema is None else EMA(method, decay=recipe.ema, only=learning)
        self.step = 0
        self.taken = 0
        """Batches used so far, by all processes."""
        self.left_out = 0
        self._in_a_row = 0
        self._rng = torch.Generator(place.device)
        self._wanted = {p: p.requires_grad for p in method.parameters()}

    def _optimizer(self, part: str) -> torch.optim.Optimizer:
        plan, recipe = self.plans[part], self.recipe
        return torch.optim.AdamW(
            self.parameters[part],
            lr=recipe.lr if plan.lr is None else plan.lr,
            betas=recipe.betas if plan.betas is None else plan.betas,
            weight_decay=recipe.weight_decay if plan.weight_decay is None else plan.weight_decay,
        )

    def advance(self, draw: Callable[[], Batch]) -> dict[str, Tensor]:
        """Let every part learn once, as it plans, and give its loss terms as ``part/term``.

        Args:
            draw: gives the next batch, on the device.

        Raises:
            RangeError: a number is none, and the recipe says stop, or it happens on and on.
        """
        self.method.train()
        self.method.step = self.step
        values: dict[str, Tensor] = {}
        for part, plan in self.plans.items():
            if self.step % plan.every == 0:
                for repeat in range(plan.repeats):
                    values |= self._learn(part, repeat, draw)
        self.step += 1
        if self.average is not None:
            self.average.update(self.method)
        return values

    def _learn(self, part: str, repeat: int, draw: Callable[[], Batch]) -> dict[str, Tensor]:
        recipe, place, optimizer = self.recipe, self.place, self.optimizers[part]
        optimizer.zero_grad(set_to_none=True)
        means: dict[str, Tensor] = {}
        with self._only(part):
            for number in range(recipe.accumulate):
                batch = draw()
                self.method.picture_px = batch.size
                micro = number * place.world + place.rank
                terms = self._terms(batch, part, repeat, micro)
                total = torch.stack([term.float() for term in terms.values()]).sum()
                with explained(self.step, batch, place.device):
                    (total / recipe.accumulate).backward()  # type: ignore[no-untyped-call]
                for name, term in terms.items():
                    share = term.detach().float() / recipe.accumulate
                    means[name] = means[name] + share if name in means else share
        self.taken += recipe.accumulate * place.world
        length = self._step(part, means)
        place.average(list(means.values()))
        told = {f"{part}/{name}": value for name, value in means.items()}
        return told | {f"{part}/gradient": length}

    def _terms(self, batch: Batch, part: str, repeat: int, micro: int) -> dict[str, Tensor]:
        seed = seed_of(self.recipe.seed, "loss", self.step, part, repeat, micro)
        seed_layers(seed, self.place.device)
        self._rng.manual_seed(seed)
        with explained(self.step, batch, self.place.device), self.place.autocast():
            terms = self.method.loss(batch, part, self._rng)
        who = f"{type(self.method).__name__}.loss, part '{part}'"
        if not terms:
            raise SpecError(f"{who}: gave no term")
        for name, term in terms.items():
            if not isinstance(term, Tensor) or term.numel() != 1:
                shape = tuple(term.shape) if isinstance(term, Tensor) else type(term).__name__
                raise ShapeError(f"{who}: the term '{name}' must be one number, got {shape}")
        if not any(term.requires_grad for term in terms.values()):
            raise SpecError(
                f"{who}: no term depends on a parameter of that part",
                hint="is something detached, or the part not used?",
            )
        return {name: term.reshape(()) for name, term in terms.items()}

    def _step(self, part: str, means: Mapping[str, Tensor]) -> Tensor:
        """Step the optimiser unless a number is none, and give the length of the gradient."""
        parameters, optimizer = self.parameters[part], self.optimizers[part]
        if self.place.world > 1:
            for p in parameters:
                p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        self.place.average([p.grad for p in parameters if p.grad is not None])
        limit = float("inf") if self.recipe.clip is None else self.recipe.clip
        length = nn.utils.clip_grad_norm_(parameters, limit)
        losses = torch.stack([value.to(length.device) for value in means.values()])
        finite = bool(torch.isfinite(length) & torch.isfinite(losses).all())
        if self.place.any(not finite):
            self._leave_out(part, means, float(length))
            optimizer.zero_grad(set_to_none=True)
            return length
        self._in_a_row = 0
        plan = self.plans[part]
        height = self.recipe.lr if plan.lr is None else plan.lr
        for group in optimizer.param_groups:
            group["lr"] = height * self.recipe.lr_factor(self.step)
        optimizer.step()
        self.method.stepped(part)
        self._even_buffers()
        return length

    def _leave_out(self, part: str, means: Mapping[str, Tensor], length: float) -> None:
        self.left_out += 1
        self._in_a_row += 1
        if self.recipe.non_finite == "skip" and self._in_a_row <= MOST_SKIPPED:
            return
        said = ", ".join(f"{name} {float(value):.4g}" for name, value in means.items())
        raise RangeError(
            f"step {self.step}, part '{part}': a number is none "
            f"({said}; length of the gradient {length:.4g})",
            hint="lower lr, clip harder, take fp32, look at the data; the last checkpoint is good",
        )

    def _even_buffers(self) -> None:
        """Let running means be those of all processes."""
        if self.place.world > 1:
            self.place.average([b for b in self.method.buffers() if b.is_floating_point()])

    @contextlib.contextmanager
    def _only(self, part: str) -> Iterator[None]:
        """Let only the parameters of a part collect gradients."""
        mine = set(self.parameters[part])
        for parameter in self._wanted:
            parameter.requires_grad_(parameter in mine)
        try:
            yield
        finally:
            for parameter, wanted in self._wanted.items():
                parameter.requires_grad_(wanted)

    @contextlib.contextmanager
    def at_its_best(self) -> Iterator[Method]:
        """Let the method have the average of its weights, where there is one, and be evaluated."""
        averaged = (
            self.average.applied_to(self.method) if self.average else contextlib.nullcontext()
        )
        with averaged:
            yield self.method.eval()  # the next step learns again

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Give everything as tensors on the CPU, by file and name."""
        files = {"method": self.method.saved_state(), "optimizers": self._optimizer_state()}
        if self.average is not None:
            files["average"] = self.average.state_dict()
        return {
            file: {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
            for file, tensors in files.items()
        }

    def _optimizer_state(self) -> dict[str, Tensor]:
        found = {}
        for part, optimizer in self.optimizers.items():
            for k, parameter in enumerate(self.parameters[part]):
                for name, value in optimizer.state.get(parameter, {}).items():
                    found[f"{part}/{k}/{name}"] = value
        return found

    def put_state(self, files: Mapping[str, Mapping[str, Tensor]], who: str) -> None:
        """Take back what `state` gave, bit for bit.

        Raises:
            SfumatoError: it is of another method.
        """
        self.method.put_state(files["method"], who)
        for optimizer in self.optimizers.values():
            optimizer.state.clear()
        for entry, value in files["optimizers"].items():
            part, number, name = entry.rsplit("/", 2)
            known = self.parameters.get(part, [])
            if not number.isdecimal() or int(number) >= len(known):
                raise SpecError(f"{who}: the optimisers have no place for '{entry}'")
            self._put_moment(part, known[int(number)], name, value, who)
        if (self.average is not None) != ("average" in files):
            raise SpecError(f"{who}: an average of weights is kept on one side only", hint="ema")
        if self.average is not None:
            try:
                self.average.load_state_dict(files["average"])
            except SfumatoError as error:
                raise SpecError(f"{who}: {error.message}") from error

    def _put_moment(
        self, part: str, parameter: nn.Parameter, name: str, value: Tensor, who: str
    ) -> None:
        if name != "step" and value.shape != parameter.shape:
            raise SpecError(
                f"{who}: '{name}' of an optimiser is {tuple(value.shape)}, "
                f"its parameter {tuple(parameter.shape)}"
            )
        state: Any = self.optimizers[part].state[parameter]
        state[name] = value.clone() if name == "step" else value.to(parameter, copy=True)


def _distinct(parameters: Any) -> list[nn.Parameter]:
    return list(dict.fromkeys(parameters))
