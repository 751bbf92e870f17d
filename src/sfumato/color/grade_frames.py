"""Grade the frames of a video or burst alike, without flicker."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from sfumato.color._grade_model import GradeModel, grade_model
from sfumato.color.auto_grade import ENHANCE, check_gradable
from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Stack

__all__ = ["GradeFrames", "smoothed_weights"]


class GradeFrames(Operator):
    """Grade the frames of a video or burst, their tables smoothed over time.

    A network that looks at every frame for itself wavers: what is graded so flickers. Here
    the weights of its tables are averaged over neighbouring frames with a Gaussian, before
    and after alike, so nothing lags behind. Since the mixture of tables is linear in the
    weights, that is the same as averaging the tables.

    Args:
        weights: the name of weights that come with sfumato, or a folder of an `AdaptiveLUT`.
        strength: 1 is the answer of the network, 0 the picture, between are mixtures.
        smoothing_frames: sigma of the Gaussian; 0 grades every frame for itself, far more
            than there are frames grades all alike.

    Shape:
        stack (n, h, w, c), c of 1, 3 or 4, display values; the image is the graded frame that
        it was, or the first.

    Raises:
        FileError: there are no such weights, or they are of another method.
        FieldError: the frames hold no display values.
    """

    reads = ("stack",)
    writes = ("image", "stack")

    weights: str = ENHANCE
    strength: Annotated[float, Between(0.0, 1.0)] = 1.0
    smoothing_frames: Annotated[float, Between(0.0, 1e6)] = 8.0

    def check(self) -> None:
        _ = self.model

    @property
    def model(self) -> GradeModel:
        """The network and its tables."""
        return grade_model(self.weights)

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        stack: Stack = sample.require("stack", "GradeFrames")
        check_gradable(sample, stack, "GradeFrames")
        model = self.model
        chosen = np.stack([model.weights(frame) for frame in stack])
        chosen = smoothed_weights(chosen, self.smoothing_frames)
        graded = np.empty_like(stack)
        for frame, weights, out in zip(stack, chosen, graded, strict=True):
            table = model.table(weights)
            table(frame, interpolation="trilinear", strength=self.strength, out=out)
        shown = next((k for k, f in enumerate(stack) if np.array_equal(f, sample.image)), 0)
        return sample.but(image=graded[shown].copy(), stack=graded)


def smoothed_weights(weights: NDArray[np.float32], smoothing_frames: float) -> NDArray[np.float32]:
    """Average weights over time with a Gaussian that is cut off where the frames end.

    Shape:
        (frames, tables) to the same.

    Example:
        >>> steps = np.array([[0.0], [0.0], [1.0], [1.0]], np.float32)
        >>> smoothed_weights(steps, 1.0)[:, 0].astype(float).round(2).tolist()
        [0.08, 0.32, 0.68, 0.92]
    """
    if smoothing_frames == 0.0:
        return weights.copy()
    time = np.arange(len(weights), dtype=np.float64)
    share = np.exp(-0.5 * ((time[:, None] - time) / smoothing_frames) ** 2)
    return np.asarray(share / share.sum(axis=1, keepdims=True) @ weights, np.float32)
