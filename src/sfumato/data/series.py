"""Series of frames together with the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.sample import Sample
from sfumato.data.scene import SceneTruth

__all__ = ["Bracket", "FocusSeries"]


@dataclass(frozen=True, eq=False)
class Bracket:
    """Frames of one scene and the truth about them.

    Args:
        sample: ``image`` is the reference frame, ``stack`` all frames, ``meta["frames"]``
            what each file of a real camera would tell.
        reference: number of the frame whose coordinates the truth uses; it is
            never shaken, and the subject stands at its starting place in it.
        exposures_ev: stops of each frame against 0 EV, where radiance 1 is white.
        homographies: map a pixel (x, y) of each frame to the reference.
        subject_masks: where the subject contributes to each frame, in the
            coordinates of that frame.
        moved_mask: where the subject stood in any frame, in the coordinates of
            the reference; empty if it stood still.
        truth: the scene as the reference frame saw it, before the sensor.

    Shape:
        homographies (n, 3, 3); subject_masks (n, h, w); moved_mask (h, w).
    """

    sample: Sample
    reference: int
    exposures_ev: tuple[float, ...]
    homographies: NDArray[np.float64]
    subject_masks: NDArray[np.bool_]
    moved_mask: NDArray[np.bool_]
    truth: SceneTruth

    @property
    def stack(self) -> NDArray[Any]:
        """The frames (n, h, w, 3)."""
        return np.asarray(self.sample.require("stack", "Bracket"))


@dataclass(frozen=True, eq=False)
class FocusSeries:
    """Frames of one scene that are sharp at different distances.

    Args:
        sample: ``image`` is the first frame, ``stack`` all frames.
        sharp: the same picture with everything in focus.
        index: which frame is the sharpest at each pixel.
        blur_px: diameter of the blur of each pixel in each frame.
        truth: the scene before the lens and the sensor.

    Shape:
        sharp (h, w, 3); index (h, w); blur_px (n, h, w).
    """

    sample: Sample
    sharp: NDArray[Any]
    index: NDArray[np.int32]
    blur_px: NDArray[np.float32]
    truth: SceneTruth

    @property
    def stack(self) -> NDArray[Any]:
        """The frames (n, h, w, 3)."""
        return np.asarray(self.sample.require("stack", "FocusSeries"))
