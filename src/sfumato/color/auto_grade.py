"""Let a learned color table repair a picture."""

from __future__ import annotations

from typing import Annotated

from sfumato.color._grade_model import GradeModel, grade_model
from sfumato.color.color_table import ColorTable
from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image
from sfumato.errors import FieldError, ShapeError

__all__ = ["ENHANCE", "AutoGrade", "check_gradable"]

ENHANCE = "auto-enhance"
"""Weights that come with sfumato."""


class AutoGrade(Operator):
    """Repair exposure, white balance, contrast and saturation of a picture by a learned table.

    A small network looks at the picture at 256 x 256 and mixes learned 3D LUTs for it
    (`color.AdaptiveLUT`); the mixture is applied at full size in the depth that the picture
    has. It runs in NumPy, without torch. Alpha is kept; grey pictures stay grey.

    Args:
        weights: the name of weights that come with sfumato, or a folder of an `AdaptiveLUT`.
        strength: 1 is the answer of the network, 0 the picture, between are mixtures.

    Shape:
        image (h, w, 1), (h, w, 3) or (h, w, 4), display values.

    Raises:
        FileError: there are no such weights, or they are of another method.
        FieldError: the picture holds no display values.

    Example:
        >>> ramp = np.linspace(20, 90, 64, dtype=np.uint8).reshape(8, 8, 1).repeat(3, axis=2)
        >>> bool(AutoGrade()(ramp).mean() > ramp.mean())
        True

    References:
        H. Zeng et al. Learning Image-Adaptive 3D Lookup Tables for High Performance Photo
        Enhancement in Real-Time. TPAMI, 2022. arXiv:2009.14468
    """

    weights: str = ENHANCE
    strength: Annotated[float, Between(0.0, 1.0)] = 1.0

    def check(self) -> None:
        _ = self.model

    @property
    def model(self) -> GradeModel:
        """The network and its tables."""
        return grade_model(self.weights)

    def table_for(self, image: Image) -> ColorTable:
        """Choose the table for a picture, to keep it as a `.cube` or to use it elsewhere."""
        return self.model.table(self.model.weights(image))

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        check_gradable(sample, sample.image, "AutoGrade")
        table = self.table_for(sample.image)
        graded = table(sample.image, interpolation="trilinear", strength=self.strength)
        return sample.but(image=graded)


def check_gradable(sample: Sample, image: Image, who: str) -> None:
    """Refuse what the networks never saw.

    Raises:
        FieldError: other than display values.
        ShapeError: other than 1, 3 or 4 channels.
    """
    if sample.space != "srgb":
        raise FieldError(
            f"{who}: needs display values, the picture is '{sample.space}'",
            hint="encode it first: color.linear_to_srgb",
        )
    if image.shape[-1] not in (1, 3, 4):
        raise ShapeError(f"{who}: expected 1, 3 or 4 channels, got {image.shape[-1]}")
