"""Which key point of one picture is which of another."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sfumato.core.opencv import cv2
from sfumato.errors import RangeError, ShapeError
from sfumato.features.sift import KeyPoints

__all__ = ["match_keypoints"]

Search: TypeAlias = Literal["flann", "brute"]
Neighbours: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]

SEED = 20040501
"""FLANN plants its trees at random; a fixed seed gives the same matches every time."""
TREES, CHECKS = 4, 64
ROWS = 1024


def match_keypoints(
    a: KeyPoints,
    b: KeyPoints,
    *,
    ratio: float = 0.75,
    mutual: bool = True,
    method: Search = "flann",
) -> NDArray[np.int64]:
    """Pair the key points of two pictures by their descriptors.

    A pair is kept where the nearest descriptor is clearly nearer than the second
    nearest (the ratio test), and, with ``mutual``, where each is the other's nearest.

    Args:
        a: key points of the one picture.
        b: key points of the other.
        ratio: nearest over second nearest distance must be below; 1 keeps all.
        mutual: ask both ways.
        method: ``flann`` searches k-d trees and may miss a pair now and then, ``brute``
            compares all with all and is exact.

    Shape:
        Returns (m, 2), a row of indices into ``a`` and ``b`` for each pair, in the order of ``a``.

    Raises:
        RangeError: the ratio is not in (0, 1], or the method is unknown.
        ShapeError: the descriptors are of different lengths.

    Example:
        >>> d = np.eye(3, 128, dtype=np.float32)
        >>> one = np.ones(3, np.float32)
        >>> k = KeyPoints(np.zeros((3, 2), np.float32), one, one, one, d)
        >>> match_keypoints(k, k, method="brute").tolist()
        [[0, 0], [1, 1], [2, 2]]

    References:
        M. Muja, D. Lowe. Fast Approximate Nearest Neighbors with Automatic Algorithm
        Configuration. VISAPP, 2009.
    """
    if not 0.0 < ratio <= 1.0:
        raise RangeError(f"match_keypoints: ratio must lie in (0, 1], got {ratio}")
    if method not in ("flann", "brute"):
        raise RangeError(f"match_keypoints: method {method!r} is not one of 'flann', 'brute'")
    if len(a) == 0 or len(b) < 2:
        return np.zeros((0, 2), np.int64)
    if a.descriptors.shape[1] != b.descriptors.shape[1]:
        raise ShapeError(
            f"match_keypoints: descriptors of length {a.descriptors.shape[1]} "
            f"and {b.descriptors.shape[1]} cannot be compared"
        )
    search = _two_nearest_flann if method == "flann" else _two_nearest_brute
    nearest, distance = search(a.descriptors, b.descriptors)
    index_a = np.flatnonzero(distance[:, 0] < ratio * distance[:, 1])
    index_b = nearest[index_a, 0]
    if mutual and len(a) >= 2 and len(index_a):
        wanted, position = np.unique(index_b, return_inverse=True)
        back, _ = search(b.descriptors[wanted], a.descriptors)
        agreed = back[position.reshape(-1), 0] == index_a
        index_a, index_b = index_a[agreed], index_b[agreed]
    return np.stack([index_a, index_b], axis=1).astype(np.int64)


def _two_nearest_flann(query: NDArray[Any], train: NDArray[Any]) -> Neighbours:
    cv2.setRNGSeed(SEED)
    index = cv2.flann.Index(
        np.ascontiguousarray(train, np.float32), {"algorithm": 1, "trees": TREES}
    )
    found, squared = index.knnSearch(
        np.ascontiguousarray(query, np.float32), 2, params={"checks": CHECKS}
    )
    return found.astype(np.int64), np.sqrt(np.maximum(squared, 0.0)).astype(np.float32)


def _two_nearest_brute(query: NDArray[Any], train: NDArray[Any]) -> Neighbours:
    train = np.asarray(train, np.float32)
    lengths = np.einsum("ij,ij->i", train, train)
    indices = np.empty((len(query), 2), np.int64)
    squares = np.empty((len(query), 2), np.float32)
    for start in range(0, len(query), ROWS):
        part = np.asarray(query[start : start + ROWS], np.float32)
        # The query's own length is the same for the whole row: the order needs it not.
        score = lengths - 2.0 * (part @ train.T)
        row = np.arange(len(part))
        stop = start + len(part)
        for rank in (0, 1):
            best = score.argmin(axis=1)
            indices[start:stop, rank] = best
            squares[start:stop, rank] = score[row, best] + np.einsum("ij,ij->i", part, part)
            score[row, best] = np.inf
    return indices, np.sqrt(np.maximum(squares, 0.0))
