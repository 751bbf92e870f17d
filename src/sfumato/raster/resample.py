"""Bring a picture to any size with a kernel of choice."""

from __future__ import annotations

from typing import Annotated

from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.errors import SpecError
from sfumato.raster._taps import Kernel
from sfumato.raster.resampling import LONGEST_PX, Size, resample_image
from sfumato.raster.resize import resize_sample

__all__ = ["Resample"]


class Resample(Operator):
    """Bring a picture to a height and width, or scale it, with a kernel of choice.

    Mask and depth take the nearest pixel's value, boxes and keypoints move along, as
    in `Resize`. What an average means depends on the light: for exact brightness
    bring the picture to linear light first.

    Args:
        size: height and width of the result; the shape of the picture may change.
        scale: new side over old side, instead of a size; each side is rounded to
            whole pixels.
        kernel: as in `resample_image`.

    Shape:
        image (h, w, c); stack, hint and target of the same height and width are
        resampled too, of another they are kept.

    Raises:
        SpecError: neither or both of size and scale are given.

    Example:
        >>> Resample(scale=0.5)(np.zeros((30, 41, 3), np.uint8)).shape
        (15, 20, 3)
    """

    writes = ("image",)

    size: Annotated[tuple[int, int], Between(1, LONGEST_PX)] | None = None
    scale: Annotated[float, Between(1e-4, 1e4)] | None = None
    kernel: Kernel = "lanczos"

    _example = {"scale": 0.5}

    def check(self) -> None:
        if (self.size is None) == (self.scale is None):
            raise SpecError(
                "Resample: give one of size and scale",
                hint="Resample(size=(1200, 1600)) or Resample(scale=0.5)",
            )

    def size_for(self, size: Size) -> Size:
        """Give the height and width that a picture of a height and width gets."""
        if self.size is not None:
            return self.size
        assert self.scale is not None, "check lets exactly one through"
        height, width = (max(1, round(side * self.scale)) for side in size)
        return height, width

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        new = self.size_for(sample.size)
        return resize_sample(
            sample, new, lambda image, size: resample_image(image, size, self.kernel)
        )
