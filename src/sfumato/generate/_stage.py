"""Room for one: large networks take turns on a device that cannot hold them all."""

from __future__ import annotations

from sfumato.core.tensors import nn, torch

__all__ = ["Stage"]


class Stage:
    """Bring networks to a device when they work, and send them back when others do.

    Who works stays until others are called, so a network that is asked at every step of a
    sampler travels once.

    Args:
        device: where they work.
        rest: where they wait.
    """

    def __init__(
        self, device: torch.device | str = "cpu", rest: torch.device | str = "cpu"
    ) -> None:
        self.device, self.rest = torch.device(device), torch.device(rest)
        self._there: tuple[nn.Module, ...] = ()

    def call(self, *networks: nn.Module) -> None:
        """Bring these, after the others have left."""
        if self._there == networks:
            return
        self.clear()
        for network in networks:
            network.to(self.device)
        self._there = networks

    def clear(self) -> None:
        """Send everyone back."""
        for network in self._there:
            network.to(self.rest)
        self._there = ()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
