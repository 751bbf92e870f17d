"""Pictures that a transform takes as a model: given when it is built, or with the call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.opencv import cv2
from sfumato.core.shapes import Image, check_image, from_unit, to_unit
from sfumato.errors import FieldError, ShapeError
from sfumato.io import read

__all__: list[str] = []  # what the transforms of this kind share, and nothing on its own


EXAMPLE = ((((90, 60, 30),) * 4,) * 4,)
"""One small picture as a recipe can hold it: rows of pixels of whole numbers."""


class ReferenceTransform(PixelTransform):
    """Base of the transforms that look at another picture."""

    def draw_reference(self, rng: Any, targets: Targets) -> int:
        """Draw which of the models is taken."""
        return int(rng.integers(len(self._models(targets))))

    def _models(self, targets: Targets) -> Sequence[Any]:
        given: Any = getattr(self, "reference_images", None)
        key: str = getattr(self, "metadata_key", "")
        models = targets.extras.get(key) if given is None else given
        if isinstance(models, (str, Path)) or (
            isinstance(models, np.ndarray) and models.ndim in (2, 3)
        ):
            models = [models]
        if models is None or len(models) == 0:
            raise FieldError(
                f"{type(self).__name__} needs pictures to go by, the call has no '{key}'",
                hint=f"call it with {key}=[picture, ...], or build it with reference_images",
            )
        return models

    def _model(self, targets: Targets, index: int) -> Image:
        model = self._models(targets)[index]
        read_fn = getattr(self, "read_fn", None)
        if read_fn is not None:
            model = read_fn(model)
        elif isinstance(model, (str, Path)):
            model = read(model).image
        if isinstance(model, (list, tuple)):  # as a recipe holds it
            model = np.asarray(model)
            model = model.astype(np.uint8 if model.dtype.kind == "i" else np.float32)
        model = np.asarray(model)
        return check_image(model[..., None] if model.ndim == 2 else model, type(self).__name__)

    def work(self, targets: Targets, params: Params) -> None:
        targets.settle()
        model = self._model(targets, params["reference"])
        targets.change_images(lambda image: self.adapt(image, self._fit(model, image), params))

    def _fit(self, model: Image, image: Image) -> Image:
        """Give the model in the dtype of the picture and, from or to gray, in its channels."""
        channels = image.shape[2]
        if model.shape[2] == 1:
            model = np.repeat(model, channels, axis=2)
        elif model.shape[2] == 3 and channels == 1:
            model = cv2.cvtColor(model, cv2.COLOR_RGB2GRAY)[..., None]
        if model.shape[2] != channels:
            raise ShapeError(
                f"{type(self).__name__}: the picture has {channels} channels, the one to go by "
                f"{model.shape[2]}"
            )
        return model if model.dtype == image.dtype else from_unit(to_unit(model), image.dtype)

    def change_image(self, image: Image, params: Params) -> Image:
        model = self._model(Targets(), params["reference"])
        return self.adapt(image, self._fit(model, image), params)

    @abstractmethod
    def adapt(self, image: Image, model: Image, params: Params) -> Image:
        """Give the picture changed towards the model, which has its dtype and channels."""


def resized_like(model: Image, image: Image) -> Image:
    """Bring a model to the size of a picture."""
    height, width = image.shape[:2]
    if model.shape[:2] == (height, width):
        return model
    return cv2.resize(model, (width, height)).reshape(image.shape)  # type: ignore[no-any-return]


def blend(new: Image, old: Image, share: float) -> Image:
    """Mix a share of the new picture with the old one."""
    if share == 1.0:
        return new
    return cv2.addWeighted(new, share, old, 1.0 - share, 0.0).reshape(old.shape)  # type: ignore[no-any-return]
