"""Sets of features: from pictures through an extractor, or as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.shapes import Image, check_image
from sfumato.errors import DtypeError, RangeError, ShapeError

__all__ = ["Extractor", "check_features", "features_of", "first_half", "in_any_order"]

COINS = 1024
"""Coins that one seed is good for."""

Extractor: TypeAlias = Callable[..., Any]
"""Tensor (n, c, h, w) with white at 1, to tensor or array (n, d)."""


def features_of(
    data: Any, extractor: Extractor | None, device: str, batch_size: int, who: str
) -> NDArray[Any]:
    """Give the features of pictures, or check features that were given.

    Args:
        data: features (n, d); or, with an extractor, a picture (h, w, c), a stack
            (n, h, w, c), or a list of pictures of any sizes.
        extractor: what turns pictures into features; None where ``data`` are features.
        device: where the extractor gets its tensors.
        batch_size: pictures at a time.
        who: the caller and its argument, for errors.

    Shape:
        returns (n, d), float32 or float64.

    Raises:
        ShapeError: neither form, or the extractor gives no (n, d).
        DtypeError: no arrays of numbers.
        RangeError: NaN or infinity, an empty set, an extractor in training mode.
    """
    if extractor is None:
        return check_features(data, who)
    if getattr(extractor, "training", False):
        raise RangeError(
            f"{who}: the extractor is in training mode, where a picture changes others' features",
            hint="extractor.eval()",
        )
    pictures = _pictures(data, who)
    found = [_extracted(batch, extractor, device, who) for batch in _batches(pictures, batch_size)]
    widths = {part.shape[1] for part in found}
    if len(widths) != 1:
        raise ShapeError(
            f"{who}: the extractor gives {sorted(widths)} features for pictures of other sizes",
            hint="resize the pictures to one size, or average over places in the extractor",
        )
    return np.concatenate(found)


def check_features(data: Any, who: str) -> NDArray[Any]:
    """Return features as float32 or float64, or refuse them."""
    if not isinstance(data, np.ndarray):
        raise DtypeError(f"{who}: expected features (n, d), got {type(data).__name__}")
    if data.ndim != 2 or 0 in data.shape:
        hint = "pictures need an extractor=" if data.ndim > 2 else "one member is (1, d)"
        raise ShapeError(f"{who}: expected features (n, d), got shape {data.shape}", hint=hint)
    if data.dtype.kind not in "uif":
        raise DtypeError(f"{who}: features must be numbers, got {data.dtype}")
    single = data.dtype in (np.float16, np.float32)
    features = np.asarray(data, np.float32 if single else np.float64)
    if not np.isfinite(features).all():
        raise RangeError(f"{who} holds NaN or infinity")
    return features


def in_any_order(features: NDArray[Any]) -> NDArray[np.float64]:
    """Sort members, so that a draw by seed does not depend on who came first.

    They are sorted by their sums, which rounding hardly moves, and equal sums by bytes.
    """
    rows = np.ascontiguousarray(features, np.float64) + 0.0  # one zero, not two
    keys = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
    rows = rows[np.argsort(keys, kind="stable")]
    return np.asarray(rows[np.argsort(rows.sum(axis=1), kind="stable")], np.float64)


def first_half(seed: int, start: int, count: int) -> NDArray[np.bool_]:
    """Say which of the members from ``start`` on belong to the first half of a set.

    Of every two that follow each other one does, by a toss of its own, so that it does
    not matter in which portions they come.
    """
    places = np.arange(start, start + count)
    pairs = places // 2
    blocks = {int(b): np.random.default_rng((seed, int(b))) for b in np.unique(pairs // COINS)}
    tosses = {block: rng.integers(0, 2, COINS) for block, rng in blocks.items()}
    heads = [tosses[int(pair) // COINS][int(pair) % COINS] for pair in pairs]
    return np.asarray(np.array(heads, int) == places % 2, np.bool_)


def _pictures(data: Any, who: str) -> Sequence[Image]:
    if isinstance(data, np.ndarray):
        data = data if data.ndim == 4 else [data]
    elif not isinstance(data, (list, tuple)):
        raise DtypeError(f"{who}: expected pictures, got {type(data).__name__}")
    if len(data) == 0:
        raise RangeError(f"{who} is empty")
    return [_picture(image, f"{who}: picture {k + 1}") for k, image in enumerate(data)]


def _picture(array: Any, who: str) -> Image:
    if isinstance(array, np.ndarray) and array.ndim == 2:
        array = array[..., None]
    image = check_image(array, who)
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise RangeError(f"{who} holds NaN or infinity")
    return image


def _batches(pictures: Sequence[Image], batch_size: int) -> Iterator[NDArray[Any]]:
    batch: list[Image] = []
    for image in pictures:
        fits = not batch or (image.shape, image.dtype) == (batch[0].shape, batch[0].dtype)
        if not fits or len(batch) == batch_size:
            yield np.stack(batch)
            batch = []
        batch.append(image)
    yield np.stack(batch)


def _extracted(
    batch: NDArray[Any], extractor: Extractor, device: str, who: str
) -> NDArray[np.float32]:
    from sfumato.measure._torch import Tensor, measuring, on_device, to_tensor  # noqa: PLC0415

    with measuring():
        given = extractor(to_tensor(batch, on_device(device, who)))
        found = given.float().cpu().numpy() if isinstance(given, Tensor) else given
    if not isinstance(found, np.ndarray) or found.ndim != 2 or len(found) != len(batch):
        raise ShapeError(
            f"{who}: the extractor gave {np.shape(found)} for {len(batch)} pictures, not (n, d)",
            hint="average feature maps over places: features.mean(dim=(2, 3))",
        )
    return np.asarray(check_features(found, f"{who}: what the extractor gave"), np.float32)
