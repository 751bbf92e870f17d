"""A window of a picture, scaled to another size, pixel edges on pixel edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._cut import Cut
from sfumato.augment._motion import Motion, Resampling
from sfumato.augment._planes import resize_plane

__all__ = ["Rescale"]


class Rescale(Motion):
    """Scale the window (x, y, height, width) to a size; it may reach beyond the picture."""

    def __init__(
        self, window: tuple[int, int, int, int], size: tuple[int, int], source: tuple[int, int]
    ) -> None:
        x, y, height, width = window
        self.size = size
        self.cut = Cut(x, y, (height, width))
        self.within = self.cut.inside(source)
        x_scale, y_scale = size[1] / width, size[0] / height
        self.matrix = np.array(
            [
                [x_scale, 0.0, (0.5 - x) * x_scale - 0.5],
                [0.0, y_scale, (0.5 - y) * y_scale - 0.5],
                [0.0, 0.0, 1.0],
            ]
        )

    def image(self, plane: NDArray[Any], how: Resampling) -> NDArray[Any]:
        cut = self.cut
        if self.within:
            height, width = cut.size
            part = plane[cut.y : cut.y + height, cut.x : cut.x + width]
        else:
            part = cut.image(plane, how)
        result = resize_plane(part, self.size, how)
        return result.copy() if result is part and self.within else result
