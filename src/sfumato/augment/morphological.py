"""Let bright parts of a picture grow, or dark ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import as_range
from sfumato.augment.transform import Transform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["Morphological"]

OPENCV_DTYPES = (np.uint16, np.int16, np.float32, np.float64)


class Morphological(Transform):
    """Take the largest (dilation) or smallest (erosion) value in an ellipse about each pixel.

    Masks are treated alike. Boxes grow with what they enclose under dilation, and shrink under
    erosion; one that vanishes is dropped.

    Args:
        scale: height and width of the ellipse in pixels are drawn from here.
        operation: ``dilation`` or ``erosion``.
    """

    scale: Annotated[tuple[int, int], Between(1)] = (2, 3)
    operation: Literal["dilation", "erosion"] = "dilation"

    shorthand = {"scale": as_range}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"kernel": [self._draw(rng), self._draw(rng)]}

    def _draw(self, rng: Rng) -> int:
        low, high = self.scale
        return low + int(rng.random() * (high - low + 1))

    def _spread(self, plane: NDArray[Any], params: Params) -> NDArray[Any]:
        height, width = params["kernel"]
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, height))
        run = cv2.dilate if self.operation == "dilation" else cv2.erode
        work = plane
        if plane.dtype != np.uint8 and plane.dtype not in OPENCV_DTYPES:
            work = plane.astype(np.uint8 if plane.dtype == np.bool_ else np.float64)
        result = np.asarray(run(work, kernel)).reshape(plane.shape)
        return result.astype(plane.dtype, copy=False)

    def change_image(self, image: Image, params: Params) -> Image:
        return self._spread(image, params)

    def change_mask(self, mask: NDArray[Any], params: Params) -> NDArray[Any]:
        return self._spread(mask, params)

    def change_boxes(self, boxes: NDArray[np.float64], params: Params) -> NDArray[np.float64]:
        height, width = params["kernel"]
        # The middle of an even neighbourhood lies behind its center, as OpenCV has it.
        after = np.array([width // 2, height // 2])
        before = np.array([width - 1, height - 1]) - after
        sign = 1.0 if self.operation == "dilation" else -1.0
        if sign < 0:
            before, after = after, before
        result = boxes.copy()
        result[:, :2] -= sign * before
        result[:, 2:4] += sign * after
        return result[(result[:, 2:4] > result[:, :2]).all(axis=1)]
