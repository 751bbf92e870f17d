"""What goes wrong inside a network, said so that a person can mend it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sfumato.core.batch import Batch
from sfumato.core.tensors import torch
from sfumato.errors import OutOfMemoryError, SfumatoError, ShapeError

__all__ = ["explained"]

MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory")


@contextlib.contextmanager
def explained(step: int, batch: Batch, device: torch.device) -> Iterator[None]:
    """Say what a method was given where torch refuses it, and which setting helps.

    Raises:
        OutOfMemoryError: the memory of the device does not suffice.
        ShapeError: shapes or channels do not fit the network.
    """
    try:
        yield
    except SfumatoError:
        raise
    except (RuntimeError, MemoryError, ValueError, IndexError) as error:
        said = str(error).strip().partition("\n")[0][:200]
        given = _described(batch)
        full = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if full or any(word in said.lower() for word in MEMORY_WORDS):
            raise OutOfMemoryError(
                f"step {step}: the memory of {device} does not suffice for {given}",
                hint=f"lower batch_size from {len(batch)} and raise accumulate by as much, "
                "crop smaller pictures, or set precision: bf16",
            ) from error
        raise ShapeError(
            f"step {step}: the method cannot learn from {given}: {said}",
            hint="do channels and sizes of the data fit its settings?",
        ) from error


def _described(batch: Batch) -> str:
    shapes = [f"{name} {'x'.join(map(str, t.shape))}" for name, t in batch.tensors().items()]
    return f"a batch of {', '.join(shapes)}"
