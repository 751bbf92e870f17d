"""Label maps from PNG files, each pixel a number and no colour."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from sfumato.errors import DtypeError, FileError
from sfumato.io.picture import probe, read

__all__ = ["read_labels"]


def read_labels(path: str | Path) -> NDArray[Any]:
    """Read a PNG index map: grey of 8 or 16 bits as its values, a palette as its indices.

    Grey of less than 8 bits is spread to 0 to 255, as in any picture: masks of one bit
    hold the labels 0 and 255.

    Shape:
        returns integers (h, w).

    Raises:
        FileError: missing, no picture, no PNG, or corrupt.
        DtypeError: a picture of colours.

    Example:
        >>> from sfumato.io import write
        >>> name = getfixture("tmp_path") / "labels.png"
        >>> _ = write(name, np.full((2, 3, 1), 7, np.uint8))
        >>> read_labels(name).tolist()
        [[7, 7, 7], [7, 7, 7]]
    """
    path = Path(path)
    about = probe(path)
    if about.meta["format"] != "png":
        raise FileError(
            f"{path}: labels are read from PNG only, this is {about.meta['format'].upper()}",
            hint="formats with losses mix labels",
        )
    if about.channels == 1:
        return np.asarray(read(path, orient=False).image[..., 0])
    read(path)  # every checksum and the limit of size; Pillow alone would let much pass
    try:
        with warnings.catch_warnings(), Pillow.open(path) as picture:
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            if picture.mode != "P":
                raise DtypeError(
                    f"{path}: a picture of colours, not a map of labels",
                    hint="label maps are grey, or have a palette",
                )
            return np.asarray(picture)
    except (Pillow.DecompressionBombWarning, Pillow.DecompressionBombError) as error:
        raise FileError(
            f"{path}: too large for a palette", hint="save it as grey of 8 bits"
        ) from error
