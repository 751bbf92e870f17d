"""Turn what treats each pixel by itself into a color table."""

from __future__ import annotations

import numpy as np

from sfumato.color.color_table import ColorTable, as_picture
from sfumato.core.operator import Operator
from sfumato.core.sample import Sample
from sfumato.errors import FieldError, RangeError

__all__ = ["table_of"]

TOLERANCE = 1e-5
SEED = 0


def table_of(operator: Operator, *, size: int = 33, title: str = "") -> ColorTable:
    """Make the color table of an operator or pipeline that changes colors only.

    The operator is given every lattice color as a float32 picture, three times: in order,
    in another order, and with another seed. What looks at neighbours, at the place of a
    pixel, at the picture as a whole or at the dice gives itself away and is refused.

    Args:
        operator: anything that needs only an image.
        size: entries along an edge.
        title: for the file.

    Raises:
        FieldError: the operator needs more than an image, or does more than change colors.
        RangeError: it gives values that are not finite.

    Example:
        >>> import sfumato as sf
        >>> look = table_of(sf.color.Tone(contrast=0.5), size=5)
        >>> look.values[2, 2, 2].round(3).tolist()
        [0.5, 0.5, 0.5]
    """
    more = [name for name in operator.inputs if name != "image"]
    if more:
        raise FieldError(
            f"table_of: {type(operator).__name__} needs '{more[0]}', a table knows colors only"
        )
    plain = ColorTable.identity(size)
    colors = as_picture(plain.values)
    shuffle = np.random.default_rng(SEED).permutation(colors.shape[0] * colors.shape[1])
    mixed = colors.reshape(-1, 3)[shuffle].reshape(colors.shape)
    first = operator(Sample(colors), SEED)
    if first.image.shape != colors.shape:
        raise _refusal(operator, f"makes {first.image.shape} of {colors.shape}")
    if first.space != "srgb":
        raise _refusal(operator, f"gives '{first.space}' values")
    if not np.isfinite(first.image).all():
        raise RangeError(f"table_of: {type(operator).__name__} gives NaN or infinity")
    shuffled = operator(Sample(mixed), SEED).image
    again = operator(Sample(colors), SEED + 1).image
    restored = np.empty_like(colors).reshape(-1, 3)
    restored[shuffle] = shuffled.reshape(-1, 3)
    if np.abs(again - first.image).max() > TOLERANCE:
        raise _refusal(operator, "depends on chance")
    if np.abs(restored.reshape(colors.shape) - first.image).max() > TOLERANCE:
        raise _refusal(operator, "looks at more than the color of a pixel")
    return plain.but(values=first.image.reshape(plain.values.shape), title=title)


def _refusal(operator: Operator, what: str) -> FieldError:
    return FieldError(
        f"table_of: {type(operator).__name__} {what}, which no color table can do",
        hint="leave out the steps that do more than change colors",
    )
