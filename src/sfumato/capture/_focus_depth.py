"""From the winners of a focus contest to a depth map with confidence."""

from __future__ import annotations

import numpy as np

from sfumato.capture._focus_measure import Contest
from sfumato.core.opencv import cv2
from sfumato.core.shapes import FloatImage, Mask
from sfumato.raster.pyramid import Plane, expand, max_levels, reduce

__all__ = ["confidence_of", "depth_between_frames", "fill_depth", "majority"]


def majority(index: Mask, labels: int, window_px: int) -> Mask:
    """Give each pixel the label that is most frequent around it; its own breaks a draw."""
    if window_px == 1 or labels == 1:
        return index
    result = index.copy()
    most = np.zeros(index.shape, np.uint8)
    window = (window_px, window_px)
    for label in range(labels):
        own = (index == label).astype(np.uint8)
        if not own.any():
            continue
        votes = cv2.boxFilter(own, -1, window, normalize=False, borderType=cv2.BORDER_REFLECT)
        votes = 2 * votes + own
        np.copyto(result, label, where=votes > most)
        np.maximum(most, votes, out=most)
    return result


def depth_between_frames(contest: Contest) -> Plane:
    """Refine the winning frame to a fraction: the vertex of a parabola.

    The parabola goes through the logarithm of the winner's score and its two
    neighbours', since focus falls off about like a Gaussian. The first and last
    frame have one neighbour and stay whole.
    """
    tiny = np.float32(1e-20)
    middle = np.log(contest.best[0] + tiny)
    before = middle - np.log(np.maximum(contest.before, 0) + tiny)
    after = middle - np.log(np.maximum(contest.after, 0) + tiny)
    curvature = before + after
    shift = 0.5 * (before - after) / np.maximum(curvature, tiny)
    inside = (contest.before >= 0) & (contest.after >= 0) & (curvature > 1e-6)
    shift = np.where(inside, np.clip(shift, -0.5, 0.5), 0).astype(np.float32)
    return np.asarray(shift + contest.winner[0], np.float32)


def confidence_of(contest: Contest, index: Mask, noise: float) -> FloatImage:
    """Say how clearly the winner won, 0..1.

    It is one less the mean score of the other frames relative to the winner's,
    reduced where the winner's score is no more than noise, and 0 where the
    majority overruled the winner.
    """
    best, others = contest.best[0], max(contest.frames - 1, 1)
    lead = 1 - (contest.total - best) / (others * np.maximum(best, 1e-20))
    above_noise = best / (best + np.float32(noise))
    confidence: FloatImage = np.clip(lead * above_noise, 0, 1).astype(np.float32)
    confidence[index != contest.winner[0]] = 0
    return confidence


def fill_depth(depth: Plane, confidence: Plane, smoothness: float) -> FloatImage:
    """Let neighbours speak where a pixel's own depth is uncertain.

    The means of depth, weighted by confidence, are taken over windows that double
    in size; from the largest to the smallest, each gives way to the next smaller
    one as far as that is confident. A median of 5 px removes single strays first.

    Args:
        depth: what each pixel says.
        confidence: how much to believe it, 0..1.
        smoothness: the confidence at which a pixel and its surroundings weigh the same.
    """
    if smoothness > 0:
        depth = cv2.medianBlur(depth, 5)
    doubt = np.float32(max(smoothness, 1e-6))
    weights, sums = [confidence], [confidence * depth]
    for _ in range(max_levels(depth.shape[:2]) - 1):
        weights.append(reduce(weights[-1]))
        sums.append(reduce(sums[-1]))
    tiny = np.float32(1e-12)
    filled = (sums[-1] + tiny * depth.mean()) / (weights[-1] + tiny)
    for weight, weighted in zip(weights[-2::-1], sums[-2::-1], strict=True):
        filled = (weighted + doubt * expand(filled, weight.shape)) / (weight + doubt)
    return np.asarray(np.clip(filled, depth.min(), depth.max()), np.float32)
