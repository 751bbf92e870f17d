"""What has to be known about a mosaic to make a picture of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.core.sample import Sample
from sfumato.errors import FieldError, RangeError, ShapeError

__all__ = ["PATTERNS", "MosaicFacts", "facts_of", "tiled"]

PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")
Row = tuple[float, float, float]
IDENTITY: tuple[Row, Row, Row] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class MosaicFacts:
    """What has to be known about a mosaic to make a picture of it.

    Stands in ``meta["mosaic"]`` of a sample whose ``space`` is ``raw``.

    Args:
        pattern: colors of the 2 x 2 cell, row by row: RGGB, BGGR, GRBG or GBRG.
        black: reading without light of the four sites of the cell, DN.
        white: reading at which each site saturates, DN.
        white_balance: factors for red, green and blue that make grey grey; green is 1.
        camera_to_srgb: from balanced camera colors to linear sRGB; its rows sum to 1, so
            that grey stays grey.
        orientation: how the camera was held, as EXIF orientation 1 to 8.
        noise_profile: pairs S, O of variance = S x + O on the unit range, as a DNG states
            them; empty where the file does not.

    Raises:
        RangeError: no Bayer pattern, black not below white, a factor not above 0, or a
            matrix that cannot be inverted.
    """

    pattern: str = "RGGB"
    black: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    white: tuple[float, float, float, float] = (65535.0, 65535.0, 65535.0, 65535.0)
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    camera_to_srgb: tuple[Row, Row, Row] = IDENTITY
    orientation: int = 1
    noise_profile: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise RangeError(
                f"a Bayer pattern is one of {', '.join(PATTERNS)}, got {self.pattern!r}"
            )
        sites = np.array([self.black, self.white], np.float64)
        if sites.shape != (2, 4) or not np.isfinite(sites).all() or (sites[0] >= sites[1]).any():
            raise RangeError(
                f"black {self.black} must be below white {self.white} at each of the four sites",
                hint="both are readings as they stand in the raw file",
            )
        balance = np.array(self.white_balance, np.float64)
        if balance.shape != (3,) or not (np.isfinite(balance).all() and balance.min() > 0.0):
            raise RangeError(f"white balance: expected three factors above 0, got {balance}")
        matrix = np.array(self.camera_to_srgb, np.float64)
        fine = matrix.shape == (3, 3) and np.isfinite(matrix).all()
        if not fine or abs(np.linalg.det(matrix)) < 1e-6:
            raise RangeError(f"the camera matrix cannot be inverted: {matrix.tolist()}")

    @property
    def sites(self) -> tuple[int, int, int, int]:
        """Color of the four sites of the cell: 0 red, 1 green, 2 blue."""
        first, second, third, fourth = ("RGB".index(letter) for letter in self.pattern)
        return first, second, third, fourth

    @property
    def span(self) -> NDArray[np.float64]:
        """From black to white of each site, DN."""
        return np.subtract(self.white, self.black)


def facts_of(sample: Sample, who: str) -> MosaicFacts:
    """Give the facts of a mosaic, and refuse a sample that is none.

    Raises:
        FieldError: the sample does not say what its mosaic is.
        ShapeError: the picture has more than one value for each pixel.
    """
    found = sample.meta.get("mosaic")
    if sample.space != "raw" or not isinstance(found, MosaicFacts):
        raise FieldError(
            f"{who}: expected a raw mosaic, got a picture in {sample.space} light",
            hint="io.read_mosaic reads camera raws, io.mosaic_from_array takes arrays",
        )
    if sample.image.shape[2] != 1:
        raise ShapeError(f"{who}: a mosaic has one value for each pixel, got {sample.image.shape}")
    return found


def tiled(values: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Lay one value for each site out over a mosaic (h, w)."""
    height, width = shape
    cell = values.reshape(2, 2)
    return np.tile(cell, (-(-height // 2), -(-width // 2)))[:height, :width]
