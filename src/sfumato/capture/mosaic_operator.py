"""What all operators on raw mosaics share."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image, from_unit, to_unit
from sfumato.errors import RangeError
from sfumato.io.mosaic import mosaic_from_array
from sfumato.io.mosaic_facts import MosaicFacts, facts_of

__all__ = ["MosaicOperator", "practice_mosaics"]


class MosaicOperator(Operator):
    """Change raw mosaics: of a sample with a stack every frame, else the image.

    Subclasses give `apply_mosaic`. Integer mosaics are worked on as floats and given back
    rounded.
    """

    def practice_samples(self) -> tuple[Sample, ...]:
        return practice_mosaics()

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        found = facts_of(sample, type(self).__name__)
        if sample.stack is None:
            return self.finished(sample.but(image=self._changed(sample.image, found, rng)))
        stack = np.stack([self._changed(frame, found, rng) for frame in sample.stack])
        alone = not np.array_equal(sample.image, sample.stack[0])
        image = self._changed(sample.image, found, rng) if alone else stack[0]
        return self.finished(sample.but(image=image, stack=stack))

    def finished(self, sample: Sample) -> Sample:
        """Say in the sample what it has become."""
        return sample

    @abstractmethod
    def apply_mosaic(
        self, plane: NDArray[np.float32], found: MosaicFacts, rng: Rng
    ) -> NDArray[np.float32]:
        """Give the new mosaic (h, w), or what is made of it (h, w, c), on the unit range."""

    def _changed(self, image: Image, found: MosaicFacts, rng: Rng) -> Image:
        plane = to_unit(image[..., 0])
        if not np.isfinite(plane).all():
            raise RangeError(f"{type(self).__name__}: the mosaic holds NaN or infinite values")
        new = self.apply_mosaic(plane, found, rng)
        return from_unit(new if new.ndim == 3 else new[..., None], image.dtype)


def practice_mosaics() -> tuple[Sample, ...]:
    """Make small mosaics for the contract of operators: one, an odd one, and a stack."""
    y, x = np.mgrid[0:44, 0:52].astype(np.float32)
    light = 0.4 + 0.3 * np.sin(x / 5.0) * np.cos(y / 7.0)
    noise = np.random.default_rng(0).normal(0.0, 0.02, light.shape)
    signed = np.asarray(light + noise - 0.1, np.float32)
    profile = (2e-3, 1e-4)
    first = mosaic_from_array(signed, white=1.0, noise_profile=profile)
    odd = mosaic_from_array(signed[1:, 1:], white=1.0, pattern="BGGR", noise_profile=profile)
    return first, odd, first.but(stack=np.stack([first.image, 0.5 * first.image]))
