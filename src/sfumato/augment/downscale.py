"""Shrink a picture and enlarge it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import interpolation_word
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["Downscale"]

Interpolation: TypeAlias = Literal[
    "nearest", "linear", "cubic", "area", "lanczos", "linear_exact", "nearest_exact"
]
FLAGS = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
    "linear_exact": cv2.INTER_LINEAR_EXACT,
    "nearest_exact": cv2.INTER_NEAREST_EXACT,
}


def _words(pair: Any) -> Any:
    if isinstance(pair, Mapping):
        ways = [pair.get(way) for way in ("downscale", "upscale")]
    else:
        ways = list(pair) if isinstance(pair, (list, tuple)) else [pair, pair]
    return tuple("nearest" if way is None else interpolation_word(way) for way in ways)


class Downscale(PixelTransform):
    """Shrink a picture and enlarge it again, so that detail is lost.

    Args:
        scale_range: the share of the size that is kept is drawn from here.
        interpolation_pair: how values are found on the way down, and up. A mapping with the
            keys ``downscale`` and ``upscale``, OpenCV's numbers, and one for both are
            understood too.

    Example:
        >>> Downscale((0.5, 0.5), p=1)(np.uint8([[1, 2], [3, 4]])).ravel()
        array([1, 1, 1, 1], dtype=uint8)
    """

    scale_range: Annotated[tuple[float, float], Between(1e-3, 1.0)] = (0.25, 0.25)
    interpolation_pair: tuple[Interpolation, Interpolation] = ("nearest", "nearest")

    legacy = {
        "scale_min": ("scale_range", 0),
        "scale_max": ("scale_range", 1),
        "interpolation": ("interpolation_pair", _words),
    }
    shorthand = {"interpolation_pair": _words}
    order_1_3 = ("scale_min", "scale_max", "interpolation", "p")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"scale": rng.uniform(*self.scale_range)}

    def change_image(self, image: Image, params: Params) -> Image:
        height, width = image.shape[:2]
        # At least one pixel each way must be left.
        scale = max(params["scale"], 0.51 / min(height, width))
        down, up = (FLAGS[word] for word in self.interpolation_pair)
        shrunk = cv2.resize(image, None, fx=scale, fy=scale, interpolation=down)
        out: Image = cv2.resize(shrunk, (width, height), interpolation=up)
        return out.reshape(image.shape)
