"""Which marked pixels have a partner within a radius: exact, one pixel at a time.

Offsets are tried nearest first, so a pixel with a close partner costs little,
and distances are exact: a partner counts if it lies within the radius by Euclid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.core.compiled import compiled

__all__ = ["boundary_bits", "disc_offsets", "match_bits", "match_one_to_one", "reached"]


def disc_offsets(radii_px: tuple[float, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the steps (dy, dx) within the largest radius, nearest first.

    Shape:
        returns (k, 2), and (k,): the first of the sorted radii that reaches so far.
    """
    # A radius of sqrt(2) means the diagonal neighbour, whatever its last digit.
    squares = np.sort(np.asarray(radii_px, np.float64)) ** 2 + 1e-9
    reach = int(np.sqrt(squares[-1]))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    far = dy**2 + dx**2
    order = np.argsort(far, kind="stable")
    order = order[far[order] <= squares[-1]]
    return np.stack([dy, dx], axis=1)[order], np.searchsorted(squares, far[order])


@compiled
def boundary_bits(labels, void, first):  # type: ignore[no-untyped-def]
    """Mark the classes ``first`` to ``first + 63`` that have a boundary at each pixel.

    A pixel is boundary where it, its right, lower and lower right neighbour are not
    all of one class; it belongs to each class among them. Where one of the four is
    void there is no boundary.
    """
    height, width = labels.shape
    bits = np.zeros((height, width), np.uint64)
    for i in range(height):
        low = min(i + 1, height - 1)
        for j in range(width):
            right = min(j + 1, width - 1)
            a, b, c, d = labels[i, j], labels[i, right], labels[low, j], labels[low, right]
            if a == b and a == c and a == d:
                continue
            if void[i, j] or void[i, right] or void[low, j] or void[low, right]:
                continue
            for label in (a, b, c, d):
                if first <= label < first + 64:
                    bits[i, j] |= np.uint64(1) << np.uint64(label - first)
    return bits


@compiled
def match_bits(a, b, steps, ring, rings):  # type: ignore[no-untyped-def]
    """Count the marks of each bit of ``a``, and those with a partner in ``b``.

    Shape:
        a, b (h, w) uint64; returns (64,) and (64, rings), the latter for each radius.
    """
    height, width = a.shape
    marks, found = np.zeros(64, np.int64), np.zeros((64, rings), np.int64)
    for i in range(height):
        for j in range(width):
            rest = a[i, j]
            if rest == 0:
                continue
            _count(rest, marks)
            for k in range(len(steps)):
                y, x = i + steps[k, 0], j + steps[k, 1]
                if 0 <= y < height and 0 <= x < width:
                    hit = rest & b[y, x]
                    if hit:
                        _count(hit, found[:, ring[k]])
                        rest &= ~hit
                        if rest == 0:
                            break
    for r in range(1, rings):
        found[:, r] += found[:, r - 1]
    return marks, found


@compiled
def _count(bits, counts):  # type: ignore[no-untyped-def]
    place = 0
    while bits:
        if bits & np.uint64(1):
            counts[place] += 1
        bits >>= np.uint64(1)
        place += 1


@compiled
def reached(a, b, steps):  # type: ignore[no-untyped-def]
    """Mark the pixels of ``a`` that have one of ``b`` within reach; both bool (h, w)."""
    height, width = a.shape
    out = np.zeros((height, width), np.bool_)
    for i in range(height):
        for j in range(width):
            if a[i, j]:
                for k in range(len(steps)):
                    y, x = i + steps[k, 0], j + steps[k, 1]
                    if 0 <= y < height and 0 <= x < width and b[y, x]:
                        out[i, j] = True
                        break
    return out


@compiled
def match_one_to_one(a, b, steps):  # type: ignore[no-untyped-def]
    """Count the most pairs of pixels of ``a`` and ``b`` within reach, none used twice.

    Nearest pairs first, then augmenting paths. What a search without success has
    seen can never help a later one, so it stays marked and is not seen again.
    """
    height, width = a.shape
    partner = np.full((2, height * width), -1, np.int64)  # of a pixel of a, of one of b
    pairs = 0
    for k in range(len(steps)):
        dy, dx = steps[k, 0], steps[k, 1]
        for i in range(max(0, -dy), min(height, height - dy)):
            for j in range(max(0, -dx), min(width, width - dx)):
                p, q = i * width + j, (i + dy) * width + j + dx
                free = partner[0, p] < 0 and partner[1, q] < 0
                if free and a[i, j] and b[i + dy, j + dx]:
                    partner[0, p], partner[1, q] = q, p
                    pairs += 1
    seen, origin = np.zeros(height * width, np.bool_), np.zeros(height * width, np.int64)
    queue, touched = np.empty(height * width, np.int64), np.empty(height * width, np.int64)
    for start in range(height * width):
        if a[start // width, start % width] and partner[0, start] < 0:
            pairs += _augment(start, b, steps, partner, seen, origin, queue, touched)
    return pairs


@compiled
def _augment(  # type: ignore[no-untyped-def]  # noqa: PLR0917
    start, b, steps, partner, seen, origin, queue, touched
):
    height, width = b.shape
    queue[0], head, tail, count = start, 0, 1, 0
    while head < tail:
        p = queue[head]
        head += 1
        i, j = p // width, p % width
        for k in range(len(steps)):
            y, x = i + steps[k, 0], j + steps[k, 1]
            if not (0 <= y < height and 0 <= x < width) or not b[y, x]:
                continue
            q = y * width + x
            if seen[q]:
                continue
            seen[q], origin[q], touched[count] = True, p, q
            count += 1
            if partner[1, q] >= 0:
                queue[tail] = partner[1, q]
                tail += 1
                continue
            while True:  # turn the path around, back to the start
                p = origin[q]
                after = partner[0, p]
                partner[0, p], partner[1, q] = q, p
                if p == start:
                    break
                q = after
            for n in range(count):
                seen[touched[n]] = False
            return 1
    return 0
