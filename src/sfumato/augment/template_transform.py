"""Mix another picture in."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from sfumato.augment._reference import EXAMPLE, ReferenceTransform
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["TemplateTransform"]


def _exactly(value: Any) -> Any:
    return (value, value) if isinstance(value, (int, float)) else value


class TemplateTransform(ReferenceTransform):
    """Mix another picture in: v weight + other weight. A name of albumentations 1.3.

    Args:
        templates: the other pictures, one of which is drawn; they are brought to the size of
            the picture.
        img_weight: weight of the picture, drawn from here; a bare number is exactly that.
        template_weight: weight of the other picture, likewise.
        template_transform: a transform of the other picture before it is mixed in.
        name: a name for it, which albumentations needed to save it.

    Raises:
        FieldError: there is no other picture.
        ShapeError: the other picture has another number of channels.

    Example:
        >>> other = np.full((2, 2, 1), 100, np.uint8)
        >>> TemplateTransform([other], p=1)(np.full((4, 4, 1), 20, np.uint8)).max()
        np.uint8(60)
    """

    templates: Any
    img_weight: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.5, 0.5)
    template_weight: Annotated[tuple[float, float], Between(0.0, 1.0)] = (0.5, 0.5)
    template_transform: Any = None
    name: str | None = None

    shorthand = {"img_weight": _exactly, "template_weight": _exactly}
    _example = {"templates": EXAMPLE}
    channels = (1, 3)

    @property
    def reference_images(self) -> Any:
        """The other pictures."""
        return self.templates

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {
            "reference": self.draw_reference(rng, targets),
            "own": rng.uniform(*self.img_weight),
            "other": rng.uniform(*self.template_weight),
            "seed": int(rng.integers(1 << 62)),
        }

    def adapt(self, image: Image, model: Image, params: Params) -> Image:
        height, width = image.shape[:2]
        if model.shape[:2] != (height, width):
            model = cv2.resize(model, (width, height), interpolation=cv2.INTER_AREA)
            model = model.reshape(image.shape)
        if self.template_transform is not None:
            model = self.template_transform(image=model, rng=params["seed"])["image"]
        mixed = cv2.addWeighted(image, params["own"], model, params["other"], 0.0)
        mixed = mixed.reshape(image.shape)
        return np.clip(mixed, 0.0, 1.0) if image.dtype == np.float32 else mixed  # type: ignore[no-any-return]
