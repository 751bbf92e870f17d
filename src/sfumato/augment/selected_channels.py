"""Compositions that work on some channels of a picture, or on each by itself."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._targets import Targets
from sfumato.augment.base_compose import BaseCompose, run_step
from sfumato.augment.transform import Trace
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import ShapeError

__all__ = ["PerChannel", "SelectiveChannelTransform"]


def _as_tuple(value: Any) -> Any:
    return tuple(int(v) for v in value) if isinstance(value, (list, tuple, range)) else value


class SelectiveChannelTransform(BaseCompose):
    """Let steps see only some channels of a picture; the others stay as they are.

    Masks, boxes and key points are left alone, so the steps should change values.

    Args:
        transforms: the steps.
        channels: which channels they see, in this order.
        p: the share of calls in which they run.

    Raises:
        ShapeError: the picture lacks a channel, or a step changes the size.
    """

    channels: Annotated[tuple[int, ...], Between(0)] = (0, 1, 2)
    p: Annotated[float, Between(0.0, 1.0)] = 1.0

    order = ("transforms", "channels", "p")
    shorthand = {**BaseCompose.shorthand, "channels": _as_tuple}
    _example = {"transforms": (), "channels": (0,)}

    def act(self, targets: Targets, rng: Rng, trace: Trace | None) -> None:
        targets.settle()
        _on_channels(self, targets, self.channels, rng, trace)


class PerChannel(BaseCompose):
    """Let steps see every channel as a picture of its own, with chances of its own.

    Args:
        transforms: the steps.
        channels: the channels that are changed; all, if none are named.
        p: the share of calls in which they run.
    """

    channels: Annotated[tuple[int, ...], Between(0)] | None = None
    p: Annotated[float, Between(0.0, 1.0)] = 0.5

    order = ("transforms", "channels", "p")
    shorthand = {**BaseCompose.shorthand, "channels": _as_tuple}

    def act(self, targets: Targets, rng: Rng, trace: Trace | None) -> None:
        channels = self.channels or range(targets.image.shape[2])
        for k in channels:
            _on_channels(self, targets, (k,), rng, trace)


def _on_channels(
    composition: BaseCompose,
    targets: Targets,
    channels: tuple[int, ...],
    rng: Rng,
    trace: Trace | None,
) -> None:
    who, picks = type(composition).__name__, list(channels)
    part = Targets()
    part.extras, part.size = targets.extras, targets.size
    for name, value in targets.images.items():
        planes = value if type(value) is list else [value]
        if max(picks, default=0) >= planes[0].shape[2]:
            raise ShapeError(
                f"{who}: '{name}' has {planes[0].shape[2]} channels, channel {max(picks)} is wanted"
            )
        chosen = [np.ascontiguousarray(plane[..., picks]) for plane in planes]
        part.images[name] = chosen if type(value) is list else chosen[0]
    for step in composition.transforms:
        run_step(step, part, rng, trace)
    part.settle()
    for name, value in targets.images.items():
        if type(value) is list:
            pairs = zip(value, part.images[name], strict=True)
            targets.images[name] = [_put(old, new, picks, who) for old, new in pairs]
        else:
            targets.images[name] = _put(value, part.images[name], picks, who)


def _put(old: NDArray[Any], new: NDArray[Any], picks: list[int], who: str) -> NDArray[Any]:
    if new.shape[:2] != old.shape[:2] or new.shape[2] != len(picks) or new.dtype != old.dtype:
        raise ShapeError(
            f"{who}: a step made {old.dtype} {old.shape} into {new.dtype} {new.shape}",
            hint="steps on single channels must keep size and dtype",
        )
    result = old.copy()
    result[..., picks] = new
    return result
