"""Give a picture the coarse spectrum of another."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.augment._reference import EXAMPLE, ReferenceTransform, resized_like
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import from_low
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range

__all__ = ["FDA"]


class FDA(ReferenceTransform):
    """Give a picture the coarse spectrum of another: Fourier domain adaptation.

    In each channel the amplitudes of the lowest frequencies, up to beta times the shorter side
    both ways, are taken from the other picture; the phases stay.

    Args:
        reference_images: the other pictures, arrays or paths; one is drawn. None to read
            them from the call.
        beta_limit: beta is drawn from here.
        read_fn: reads what ``reference_images`` holds; none for arrays and paths of files.
        metadata_key: the name by which the call gives the pictures.

    Raises:
        FieldError: there is no other picture.
        ShapeError: the other picture has another number of channels.

    Example:
        >>> dark, light = np.full((8, 8, 1), 10, np.uint8), np.full((8, 8, 1), 200, np.uint8)
        >>> FDA([light], (0.1, 0.1), p=1)(dark).max()
        np.uint8(200)

    References:
        Y. Yang, S. Soatto. FDA: Fourier Domain Adaptation for Semantic Segmentation. CVPR 2020.
        arXiv:2004.05498
    """

    reference_images: Any = None
    beta_limit: Annotated[tuple[float, float], Between(0.0, 0.5)] = (0.0, 0.1)
    read_fn: Any = None
    metadata_key: str = "fda_metadata"

    shorthand = {"beta_limit": from_low(0)}
    own_defaults = ("read_fn",)
    _example = {"reference_images": EXAMPLE}
    channels = (1, 3)

    def draw(self, rng: Rng, targets: Targets) -> Params:
        beta = rng.uniform(*self.beta_limit)
        return {"reference": self.draw_reference(rng, targets), "beta": beta}

    def adapt(self, image: Image, model: Image, params: Params) -> Image:
        model = resized_like(model, image)
        white = full_range(image.dtype)
        reach = int(min(image.shape[:2]) * params["beta"])
        out = np.empty(image.shape, np.float32)
        for c in range(image.shape[2]):
            out[..., c] = _adapted(image[..., c], model[..., c], reach)
        np.clip(out, 0.0, white, out=out)
        return out if image.dtype == np.float32 else np.rint(out).astype(image.dtype)


def _adapted(plane: Image, model: Image, reach: int) -> Image:
    """Exchange amplitudes in the corners of the spectrum, where the low frequencies lie."""
    own, other = (
        cv2.dft(np.ascontiguousarray(p, np.float32), flags=cv2.DFT_COMPLEX_OUTPUT)
        for p in (plane, model)
    )
    height, width = plane.shape
    rows = np.unique(np.arange(-reach, reach + 1) % height)[:, None]
    columns = np.unique(np.arange(-reach, reach + 1) % width)
    low, wanted = own[rows, columns], other[rows, columns]
    amplitude = np.hypot(low[..., 0], low[..., 1])
    target = np.hypot(wanted[..., 0], wanted[..., 1])
    # A frequency without amplitude has no phase: it gets that of 0.
    scale = np.where(amplitude > 0.0, target / np.maximum(amplitude, np.float32(1e-30)), 0.0)
    own[rows, columns] = low * scale[..., None]
    own[rows, columns, 0] += np.where(amplitude > 0.0, 0.0, target)
    return cv2.dft(own, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)  # type: ignore[no-any-return]
