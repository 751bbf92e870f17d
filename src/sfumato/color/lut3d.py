"""Grade a picture with a 3D LUT from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from sfumato.color.color_table import ColorTable
from sfumato.color.table_file import cached_table
from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.raster.within import Corners, Within

__all__ = ["LUT3D"]

LOOK = Path(__file__).with_name("looks") / "dusk.cube"


class LUT3D(Operator):
    """Grade a picture with a 3D LUT from a file.

    The file is read when the operator is built, so that a recipe with a wrong name fails
    at once. Values are looked up as they are encoded, with white at 1. Alpha is kept; a
    grey picture stays grey and takes the luma of what its greys become. Whole numbers are
    clipped at white, float32 keeps what the table gives.

    Args:
        file: ``.cube``, a HALD ``.png`` or ``.tif``, or with ``sfumato[ocio]`` any of
            ``.3dl``, ``.csp``, ``.spi3d``.
        strength: 1 is the table, 0 the picture, between are mixtures.
        interpolation: ``tetrahedral`` keeps greys as grey as the table has them;
            ``trilinear`` is what many programs do.
        mask: grade only here: a grey PNG of the picture's size, or polygons in fractions of
            width and height, as in `raster.Within`, which has more settings.

    Shape:
        image (h, w, 1), (h, w, 3) or (h, w, 4).

    Raises:
        FileError: the file cannot be read.
        ShapeError: another number of channels, or a mask that does not fit.

    Example:
        >>> import sfumato as sf
        >>> path = getfixture("tmp_path") / "bright.cube"
        >>> _ = sf.color.write_table(path, sf.color.table_of(sf.color.Tone(gamma=1.5)))
        >>> LUT3D(file=path, strength=0.5)(np.full((1, 1, 3), 100, np.uint8)).item(0)
        118
    """

    _example = {"file": LOOK}

    file: Path
    strength: Annotated[float, Between(0.0, 1.0)] = 1.0
    interpolation: Literal["tetrahedral", "trilinear"] = "tetrahedral"
    mask: Path | tuple[Corners, ...] | None = None

    def check(self) -> None:
        _ = self.table
        if self.mask is not None:
            self._confined()

    @property
    def table(self) -> ColorTable:
        """What the file holds."""
        return cached_table(self.file)

    def _confined(self) -> Within:
        whole = LUT3D(file=self.file, strength=self.strength, interpolation=self.interpolation)
        return Within(op=whole, mask=self.mask)

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        if self.mask is not None:
            return self._confined().apply(sample, rng)
        graded = self.table(sample.image, interpolation=self.interpolation, strength=self.strength)
        return sample.but(image=graded)
