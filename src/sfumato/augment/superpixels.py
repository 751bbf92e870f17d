"""Replace regions of like color by their mean."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._chance import draw_seed
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import interpolation_word
from sfumato.augment.downscale import FLAGS, Interpolation
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.compiled import compiled
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range, to_unit

__all__ = ["Superpixels"]

COMPACTNESS = 10.0
ROUNDS = 10


def _exactly(value: Any) -> Any:
    return (value, value) if isinstance(value, (int, float)) else value


class Superpixels(PixelTransform):
    """Replace regions of like color by their mean.

    The regions are those of SLIC: clusters in color (CIE L*a*b* for three channels) and place.

    Args:
        p_replace: the chance that a region is replaced is drawn from here; a bare number is
            exactly that.
        n_segments: about how many regions there are is drawn from here.
        max_size: a picture with a longer side than this is shrunk for the work, and enlarged
            again; none to leave the size.
        interpolation: how values are found in doing so.

    Example:
        >>> Superpixels(p_replace=1, p=1)(np.full((16, 16, 3), 9, np.uint8)).max()
        np.uint8(9)

    References:
        R. Achanta, A. Shaji, K. Smith, A. Lucchi, P. Fua, S. Susstrunk. SLIC Superpixels
        Compared to State-of-the-Art Superpixel Methods. IEEE Transactions on Pattern Analysis
        and Machine Intelligence, 2012. doi:10.1109/TPAMI.2012.120
    """

    p_replace: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.0, 0.1)
    n_segments: Annotated[tuple[int, int], Between(1, 1 << 20)] = (100, 100)
    max_size: Annotated[int | None, Between(1, 1 << 20)] = 128
    interpolation: Interpolation = "linear"

    shorthand = {
        "p_replace": _exactly,
        "n_segments": _exactly,
        "interpolation": interpolation_word,
    }
    defaults_1_3 = {"p_replace": (0.1, 0.1)}
    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        low, high = self.n_segments
        return {
            "p_replace": rng.uniform(*self.p_replace),
            "n_segments": int(rng.integers(low, high + 1)),
            "seed": draw_seed(rng),
        }

    def change_image(self, image: Image, params: Params) -> Image:
        height, width, channels = image.shape
        flag = FLAGS[self.interpolation]
        work, longest = image, max(height, width)
        if self.max_size is not None and longest > self.max_size:
            size = tuple(max(1, round(n * self.max_size / longest)) for n in (width, height))
            work = cv2.resize(image, size, interpolation=flag).reshape(size[1], size[0], channels)
        labels = superpixels(work, params["n_segments"])
        rng = np.random.default_rng(params["seed"])
        chosen = rng.random(int(labels.max()) + 1) < params["p_replace"]
        out = _replaced(work, labels, chosen)
        if out.shape[:2] != (height, width):
            out = cv2.resize(out, (width, height), interpolation=flag).reshape(image.shape)
        return out


def _replaced(image: Image, labels: NDArray[np.int32], chosen: NDArray[np.bool_]) -> Image:
    flat, number = labels.reshape(-1), len(chosen)
    counts = np.maximum(np.bincount(flat, minlength=number), 1)
    values = image.reshape(-1, image.shape[2])
    means = np.stack(
        [np.bincount(flat, values[:, c], number) / counts for c in range(values.shape[1])], axis=1
    )
    if image.dtype != np.float32:
        means = np.clip(np.rint(means), 0.0, full_range(image.dtype))
    out = values.copy()
    wanted = chosen[flat]
    out[wanted] = means[flat[wanted]].astype(image.dtype)
    return out.reshape(image.shape)


def superpixels(image: Image, number: int) -> NDArray[np.int32]:
    """Give each pixel the label of its region, from 0 up.

    Shape:
        image (h, w, c); returns (h, w).
    """
    unit = to_unit(image)
    if image.shape[2] == 3:
        features = cv2.cvtColor(np.clip(unit, 0.0, 1.0), cv2.COLOR_RGB2LAB)
    else:
        features = unit * np.float32(100.0)
    height, width = image.shape[:2]
    step = max(math.sqrt(height * width / number), 1.0)
    rows = np.arange(step / 2.0, height, step)
    columns = np.arange(step / 2.0, width, step)
    centers = np.empty((len(rows) * len(columns), 2 + features.shape[2]), np.float32)
    centers[:, 0], centers[:, 1] = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    at = centers[:, :2].astype(np.intp)
    centers[:, 2:] = features[at[:, 0], at[:, 1]]
    labels = np.zeros((height, width), np.int32)
    weight = np.float32((COMPACTNESS / step) ** 2)
    _cluster(np.ascontiguousarray(features), centers, np.float32(step), weight, ROUNDS, labels)
    return labels


@compiled
def _cluster(  # noqa: PLR0917 (compiled loops take plain arrays, and no keywords)
    features: Any, centers: Any, step: float, weight: float, rounds: int, labels: Any
) -> None:
    height, width, channels = features.shape
    number = centers.shape[0]
    best = np.empty((height, width), np.float32)
    sums = np.empty((number, channels + 3))
    for _ in range(rounds):
        best[:] = np.inf
        for k in range(number):
            y, x = centers[k, 0], centers[k, 1]
            top, bottom = max(int(y - step), 0), min(int(y + step) + 1, height)
            left, right = max(int(x - step), 0), min(int(x + step) + 1, width)
            for i in range(top, bottom):
                for j in range(left, right):
                    apart = ((i - y) * (i - y) + (j - x) * (j - x)) * weight
                    for c in range(channels):
                        difference = features[i, j, c] - centers[k, 2 + c]
                        apart += difference * difference
                    if apart < best[i, j]:
                        best[i, j] = apart
                        labels[i, j] = k
        sums[:] = 0.0
        for i in range(height):
            for j in range(width):
                k = labels[i, j]
                sums[k, 0] += 1.0
                sums[k, 1] += i
                sums[k, 2] += j
                for c in range(channels):
                    sums[k, 3 + c] += features[i, j, c]
        for k in range(number):
            if sums[k, 0] > 0.0:
                for c in range(channels + 2):
                    centers[k, c] = sums[k, 1 + c] / sums[k, 0]
