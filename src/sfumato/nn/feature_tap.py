"""Read what goes on inside a network, without changing it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from sfumato.core.tensors import Tensor, nn, torch
from sfumato.errors import SpecError

__all__ = ["FeatureTap"]


class FeatureTap(Mapping[str, Any]):
    """Keep the outputs of chosen modules while the block runs.

    Modules are chosen by their name in the network, or by class, which takes every module of it.
    The tap is a mapping from module name to the output of its last call, in the order of the
    network. Leaving the block takes the hooks off, also after an error; the features stay until
    `clear`, the next block, or an error.

    Args:
        module: the network.
        which: names as in ``named_modules``, and classes.
        detach: cut the features off from the gradient; False keeps the graph.

    Raises:
        SpecError: no module has such a name or class, or the tap is open already.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
        >>> with FeatureTap(net, "0", torch.nn.ReLU) as tap:
        ...     _ = net(torch.ones(1, 2))
        >>> {name: tuple(feature.shape) for name, feature in tap.items()}
        {'0': (1, 3), '1': (1, 3)}
    """

    def __init__(
        self, module: nn.Module, *which: str | type[nn.Module], detach: bool = True
    ) -> None:
        self._modules = _chosen(module, which)
        self._detach = detach
        self._found: dict[str, Any] = {}
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The modules that are listened to, in the order of the network."""
        return tuple(self._modules)

    def clear(self) -> None:
        """Let go of the features, and of the memory they hold."""
        self._found.clear()

    def __enter__(self) -> Self:
        if self._hooks:
            raise SpecError(
                "FeatureTap: it is open already", hint="build a second tap for a nested block"
            )
        self.clear()
        for name, module in self._modules.items():
            self._hooks.append(module.register_forward_hook(self._keeper(name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._hooks:
            self._hooks.pop().remove()
        if kind is not None:
            self.clear()

    def __getitem__(self, name: str) -> Any:
        if name in self._found:
            return self._found[name]
        if name in self._modules:
            raise SpecError(f"FeatureTap: '{name}' has not been called inside the block")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name in self._modules if name in self._found])

    def __len__(self) -> int:
        return len(self._found)

    def _keeper(self, name: str) -> Any:
        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            self._found[name] = _detached(output) if self._detach else output

        return keep


def _chosen(module: nn.Module, which: tuple[str | type[nn.Module], ...]) -> dict[str, nn.Module]:
    everyone = dict(module.named_modules())
    for wish in which:
        if isinstance(wish, str):
            if wish not in everyone:
                close = difflib.get_close_matches(wish, everyone, n=1)
                hint = f"did you mean '{close[0]}'?" if close else "see network.named_modules()"
                raise SpecError(f"FeatureTap: there is no module '{wish}'", hint=hint)
        elif not any(isinstance(m, wish) for m in everyone.values()):
            raise SpecError(f"FeatureTap: no module is a {wish.__name__}")
    if not which:
        raise SpecError("FeatureTap: no module was named", hint="give names or classes")
    names = {wish for wish in which if isinstance(wish, str)}
    kinds = tuple(wish for wish in which if not isinstance(wish, str))
    return {n: m for n, m in everyone.items() if n in names or isinstance(m, kinds)}


def _detached(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, tuple):
        parts = [_detached(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [_detached(part) for part in value]
    if type(value) is dict:
        return {name: _detached(part) for name, part in value.items()}
    return value
