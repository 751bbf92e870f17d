"""How steep a picture is, and which way up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import ImageOperator, Rng
from sfumato.core.shapes import Image, from_unit
from sfumato.errors import RangeError
from sfumato.features._plane import Plane, gaussian_gradient, grey_plane

__all__ = ["Gradient", "GradientField", "morphological_gradient"]


@dataclass(frozen=True, slots=True, eq=False)
class GradientField:
    """Steepness and direction at every pixel.

    Args:
        dx: derivative to the right per pixel, unit range.
        dy: derivative down.
        magnitude: steepness per pixel.

    Shape:
        each (h, w) float32.
    """

    dx: Plane
    dy: Plane
    magnitude: Plane

    @property
    def orientation(self) -> Plane:
        """Direction to the bright side in radians: 0 right, pi/2 down; 0 where it is flat."""
        return np.arctan2(self.dy, self.dx)


class Gradient(ImageOperator):
    """Show how steep a picture is, and in which direction it gets brighter.

    Values are gradients per pixel of the unit-range picture for every method: a ramp
    that rises by 0.01 from pixel to pixel has the magnitude 0.01. Colour is looked at
    as luma. `field` gives the numbers; as an operator the picture becomes:

    - ``magnitude``: the steepness times ``gain``, white at 1,
    - ``orientation``: the angle, from 0 (black) once around to 1 (white); flat is black,
    - ``plot``: the steepness times ``gain`` as brightness and the angle as hue, where
      the picture has three channels; else as ``magnitude``.

    Args:
        method: 3 x 3 Sobel or Scharr differences, derivatives of a Gaussian, or the
            morphological gradient: dilation minus erosion, whose direction is taken
            from Sobel.
        sigma: standard deviation of the Gaussian in pixels.
        scales: elements of the morphological gradient have sides 3, 5, 7... up to so
            many; each answer is thinned by the next smaller element, and the mean taken.
        show: what the operator makes of it.
        gain: factor of the steepness in the picture.

    Raises:
        RangeError: the picture holds NaN or infinity.

    Example:
        >>> ramp = np.tile(np.linspace(0, 1, 11, dtype=np.float32), (5, 1))
        >>> field = Gradient(method="scharr").field(ramp)
        >>> field.magnitude[2, 5].round(3), field.orientation[2, 5].round(3)
        (np.float32(0.1), np.float32(0.0))

    References:
        H. Scharr. Optimal Operators in Digital Image Processing. Heidelberg, 2000.
        J. Rivest, P. Soille, S. Beucher. Morphological Gradients. Journal of
        Electronic Imaging, 1993. doi:10.1117/12.159642
    """

    method: Literal["sobel", "scharr", "gaussian", "morphological"] = "gaussian"
    sigma: Annotated[float, Between(0.5, 50.0)] = 1.0
    scales: Annotated[int, Between(1, 16)] = 1
    show: Literal["magnitude", "orientation", "plot"] = "magnitude"
    gain: Annotated[float, Between(0.0, 1e6)] = 4.0

    def field(self, image: NDArray[Any]) -> GradientField:
        """Give the numbers.

        Args:
            image: uint8, uint16 or float32.

        Shape:
            image (h, w), (h, w, 1) or (h, w, 3).

        Raises:
            ShapeError: another shape or number of channels.
            DtypeError: another dtype.
            RangeError: the picture holds NaN or infinity.
        """
        plane = grey_plane(image, "Gradient")
        if self.method == "gaussian":
            dx, dy = gaussian_gradient(plane, self.sigma)
        else:
            dx, dy = _differences(plane, "scharr" if self.method == "scharr" else "sobel")
        if self.method == "morphological":
            return GradientField(dx, dy, morphological_gradient(plane, self.scales))
        # Not cv2.magnitude: its last bit depends on where the arrays lie in memory.
        return GradientField(dx, dy, np.sqrt(dx * dx + dy * dy))

    def apply_image(self, image: Image, rng: Rng) -> Image:
        field = self.field(image)
        bright = np.clip(field.magnitude * np.float32(self.gain), 0.0, 1.0)
        if self.show == "plot" and image.shape[2] == 3:
            hue = np.mod(np.degrees(field.orientation), 360.0)
            full = np.ones_like(bright)
            hsv = np.stack([hue.astype(np.float32), full, bright], axis=-1)
            return from_unit(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), image.dtype)
        if self.show == "orientation":
            turn = np.mod(field.orientation / (2 * np.pi), 1.0)
            bright = np.where(field.magnitude > 0, turn, 0.0).astype(np.float32)
        return from_unit(np.repeat(bright[..., None], image.shape[2], axis=2), image.dtype)


def morphological_gradient(plane: Plane, scales: int = 1) -> Plane:
    """Give dilation minus erosion, per pixel, averaged over element sizes.

    At scale i the element has the side 2i + 1, across which a ramp rises by 2i times
    its slope; dividing by 2i makes it a gradient per pixel. From scale 2 the answer to
    a step, 2i pixels wide, is eroded to 2 by the next smaller element.

    Args:
        plane: the picture.
        scales: how many sizes.

    Shape:
        plane (h, w) float32; returns the same.

    Raises:
        RangeError: no scales.

    Example:
        >>> step = np.repeat(np.float32([[0, 0, 0, 1, 1, 1]]), 5, axis=0)
        >>> morphological_gradient(step)[2].tolist()
        [0.0, 0.0, 0.5, 0.5, 0.0, 0.0]
    """
    if scales < 1:
        raise RangeError(f"morphological_gradient: needs at least 1 scale, got {scales}")
    total = np.zeros_like(plane)
    border = cv2.BORDER_REPLICATE
    for scale in range(1, scales + 1):
        element = np.ones((2 * scale + 1, 2 * scale + 1), np.uint8)
        rise = cv2.dilate(plane, element, borderType=border)
        rise -= cv2.erode(plane, element, borderType=border)
        if scale > 1:
            rise = cv2.erode(rise, np.ones((2 * scale - 1, 2 * scale - 1), np.uint8))
        total += rise * np.float32(0.5 / (scale * scales))
    return total


def _differences(plane: Plane, kind: Literal["sobel", "scharr"]) -> tuple[Plane, Plane]:
    work, scale = (cv2.Scharr, 1 / 32) if kind == "scharr" else (cv2.Sobel, 1 / 8)
    border = cv2.BORDER_REPLICATE
    right = work(plane, cv2.CV_32F, 1, 0, scale=scale, borderType=border)
    down = work(plane, cv2.CV_32F, 0, 1, scale=scale, borderType=border)
    return right, down
