"""Where a training runs: its device, and the processes it is shared by."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Literal

from sfumato.core.tensors import Tensor, nn, on_device, torch
from sfumato.errors import MissingExtraError, RangeError

__all__ = ["Workplace"]


class Workplace:
    """A device and the processes that train together, as accelerate finds them.

    Args:
        device: "auto", or as torch calls it; several processes need "auto" or "cpu".
        precision: of the computation inside `autocast`.

    Raises:
        RangeError: there is no such device, or several processes and a device of one.
        MissingExtraError: accelerate is not installed.
    """

    def __init__(self, device: str, precision: Literal["fp32", "bf16"]) -> None:
        self._accelerator = _accelerator(cpu=device == "cpu")
        self.rank: int = self._accelerator.process_index
        self.world: int = self._accelerator.num_processes
        if device not in ("auto", "cpu") and self.world > 1:
            raise RangeError(
                f"Trainer: {self.world} processes cannot all train on {device!r}",
                hint="device: auto gives each process its own",
            )
        self.device = self._accelerator.device if device == "auto" else on_device(device, "Trainer")
        self.precision = precision

    @property
    def main(self) -> bool:
        """Whether this process writes and tells."""
        return self.rank == 0

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Compute in the precision that is wanted."""
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"
        )

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their mean over all processes, in place."""
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
        flat = self._accelerator.reduce(flat, reduction="mean")
        place = 0
        for tensor in tensors:
            tensor.detach().copy_(flat[place : place + tensor.numel()].view_as(tensor))
            place += tensor.numel()

    def share(self, module: nn.Module) -> None:
        """Give every process the weights of the main one."""
        if self.world == 1:
            return
        from accelerate.utils import broadcast  # noqa: PLC0415

        for tensor in module.state_dict().values():
            tensor.copy_(broadcast(tensor.clone(), from_process=0))

    def any(self, flag: bool) -> bool:
        """Tell whether any process says so."""
        if self.world == 1:
            return flag
        votes = torch.tensor([float(flag)], device=self.device)
        return bool(self._accelerator.reduce(votes, reduction="sum").item() > 0)

    def wait(self) -> None:
        """Wait for the others."""
        self._accelerator.wait_for_everyone()


def _accelerator(*, cpu: bool) -> Any:
    try:
        from accelerate import Accelerator  # noqa: PLC0415 (takes a second)
        from accelerate.state import AcceleratorState  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            f"Trainer: training needs accelerate, which cannot be imported: {error}",
            hint='pip install "sfumato[learn]"',
        ) from error
    # accelerate remembers the first device of a program and refuses another; precision is
    # ours, so that two trainings of one program may differ in it.
    if not torch.distributed.is_initialized():
        AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=cpu, mixed_precision="no")
