"""The moving average of a network's weights."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Collection, Iterator, Mapping

from sfumato.core.tensors import Tensor, nn, torch
from sfumato.errors import RangeError, ShapeError

__all__ = ["EMA"]

COUNT = "updates"
"""The entry of the saved state that is no weight."""


class EMA:
    """Follow a network's weights: ``average = decay * average + (1 - decay) * weight``.

    Averages are kept in single precision at least. Buffers (running statistics) and whole
    numbers are copied, not averaged. Nothing here is shared with the network.

    Args:
        module: the network; its weights of now are the first average.
        decay: how much of the average stays in one update.
        ramp: begin with less, ``min(decay, (1 + n) / (10 + n))`` in update n = 0, 1, ..., so that
            the random start is forgotten soon.
        only: the parameters to follow, where others never change and need no average, such as
            those of a large base; None for all.

    Raises:
        RangeError: a decay outside 0 to 1.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.constant_(layer.weight, 1.0)
        >>> average = EMA(layer, decay=0.75)
        >>> _ = torch.nn.init.constant_(layer.weight, 2.0)
        >>> average.update(layer)
        >>> with average.applied_to(layer):
        ...     layer.weight.item()
        1.25
        >>> layer.weight.item()
        2.0
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        decay: float = 0.9999,
        ramp: bool = False,
        only: Collection[nn.Parameter] | None = None,
    ) -> None:
        if not 0.0 <= decay <= 1.0:
            raise RangeError(f"EMA.decay: expected a number from 0 to 1, got {decay}")
        self.decay, self.ramp, self.updates = decay, ramp, 0
        wanted = None if only is None else {id(p) for p in only}
        self._averages = {
            name: _wide(p.detach()).clone()
            for name, p in module.named_parameters()
            if wanted is None or id(p) in wanted
        }
        self._part = only is not None
        self._copies = {name: b.detach().clone() for name, b in module.named_buffers()}

    def decay_now(self) -> float:
        """Give the decay of the next update."""
        if not self.ramp:
            return self.decay
        return min(self.decay, (1 + self.updates) / (10 + self.updates))

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the network's weights of now.

        Raises:
            ShapeError: its parameters are not those the average began with.
        """
        weights = self._followed(module)
        averages = [self._averages[name] for name in weights]
        news = [
            _wide(p.detach()).to(a.device) for p, a in zip(weights.values(), averages, strict=True)
        ]
        if averages:
            torch._foreach_lerp_(averages, news, 1.0 - self.decay_now())
        for name, buffer in module.named_buffers():
            self._copies[name] = buffer.detach().clone()
        self.updates += 1

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Put the averages into a network of the same parameters.

        Raises:
            ShapeError: its parameters are others.
        """
        weights = self._followed(module)
        for name, parameter in weights.items():
            parameter.copy_(self._averages[name])
        for name, buffer in module.named_buffers():
            buffer.copy_(self._copies[name])

    @contextlib.contextmanager
    def applied_to(self, module: nn.Module) -> Iterator[None]:
        """Let a network have the averages inside the block, and its own weights after it."""
        changed = self._averages.keys() | self._copies.keys()
        mine = {name: value for name, value in _everything(module).items() if name in changed}
        state = {name: value.clone() for name, value in mine.items()}
        try:
            self.copy_to(module)
            yield
        finally:
            with torch.no_grad():
                for name, value in mine.items():
                    value.copy_(state[name])

    def state_dict(self) -> dict[str, Tensor]:
        """Give copies of all that has to be saved, as tensors by name."""
        kept = {f"average.{name}": value for name, value in self._averages.items()}
        kept |= {f"copy.{name}": value for name, value in self._copies.items()}
        state = {name: value.clone() for name, value in kept.items()}
        return state | {COUNT: torch.tensor(self.updates, dtype=torch.int64)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state_dict` gave, bit for bit.

        Raises:
            ShapeError: names or shapes are not those of this network.
        """
        mine = self.state_dict()
        for name in sorted(set(mine) ^ set(state)):
            whose = "is missing" if name in mine else "is not known here"
            raise ShapeError(f"EMA: '{name}' {whose}: the state is of another network")
        for name, value in state.items():
            if value.shape != mine[name].shape:
                raise ShapeError(
                    f"EMA: '{name}' must be {tuple(mine[name].shape)}, got {tuple(value.shape)}"
                )
        for group, kept in (("average", self._averages), ("copy", self._copies)):
            for name, old in kept.items():
                new = state[f"{group}.{name}"]
                kept[name] = new.detach().to(device=old.device, dtype=old.dtype, copy=True)
        self.updates = int(state[COUNT])

    def to(self, device: torch.device | str) -> EMA:
        """Move the averages to a device and return this."""
        for kept in (self._averages, self._copies):
            kept.update({name: value.to(device) for name, value in kept.items()})
        return self

    def _followed(self, module: nn.Module) -> dict[str, nn.Parameter]:
        """Give the parameters that are followed, by name."""
        weights = dict(module.named_parameters())
        if self._part:
            weights = {name: p for name, p in weights.items() if name in self._averages}
        self._check_names(weights)
        return weights

    def _check_names(self, weights: Mapping[str, Tensor]) -> None:
        for name in sorted(set(self._averages) ^ set(weights)):
            whose = "is missing" if name in self._averages else "is not known here"
            raise ShapeError(f"EMA: the parameter '{name}' {whose}: this is another network")
        for name, value in weights.items():
            if value.shape != self._averages[name].shape:
                raise ShapeError(
                    f"EMA: '{name}' was {tuple(self._averages[name].shape)}, "
                    f"now it is {tuple(value.shape)}"
                )


def _everything(module: nn.Module) -> dict[str, Tensor]:
    """Give parameters and buffers, those too that are not saved."""
    named = itertools.chain(module.named_parameters(), module.named_buffers())
    return {name: value.detach() for name, value in named}


def _wide(value: Tensor) -> Tensor:
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
