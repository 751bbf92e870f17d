"""What every transform is: chance drawn once into a small record, pixels changed by the record."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._calls import call_by_name
from sfumato.augment._declare import Bilingual
from sfumato.augment._streams import ambient, as_generator
from sfumato.augment._targets import Params, Targets
from sfumato.core.bounds import Between
from sfumato.core.operator import ImageOperator, Operator, Rng
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image

__all__ = ["PixelTransform", "Trace", "Transform"]

Trace = list[tuple[Any, Params]]
"""Which transforms ran in one call, in order, and what each of them drew."""


class Transform(Bilingual, Operator):
    """Vary a picture by chance; base of every transform, on its own only where none below fits.

    A subclass draws its parameters in `draw` and changes targets in the methods
    ``change_image``, ``change_mask``, ``change_boxes`` and ``change_keypoints``, which get
    what was drawn and must not draw anything themselves. So one call treats all its targets
    alike, and can be repeated from its record. Settings are declared as for every operator;
    older words for them are listed as said in `sfumato.augment._vocabulary`.

    Args:
        p: the share of calls that the transform acts on.
    """

    p: Annotated[float, Between(0.0, 1.0)] = 0.5

    alters: ClassVar[tuple[str, ...]] = ()
    """What of a picture the transform changes on purpose: ``dtype``, ``channels``."""
    channels: ClassVar[tuple[int, ...] | None] = None
    """The numbers of channels that make sense; any, if there are none."""
    smallest: ClassVar[tuple[int, int]] = (1, 1)
    """Height and width below which the example refuses a picture."""
    example_fields: ClassVar[Mapping[str, Any]] = {}
    """What a call of the example needs beside a picture, by name."""
    blind: ClassVar[bool] = False
    """Whether `draw` looks at nothing but the size."""
    wants_unit_range: ClassVar[bool] = False
    """Whether float pictures must lie in 0..1, which `Compose` then checks once a call."""

    @classmethod
    def example(cls) -> Self:
        """Build one that always acts."""
        return cls(**{"p": 1.0, **cls._example})

    def draw(self, rng: Rng, targets: Targets) -> Params:
        """Draw what this call needs: few numbers, and for a noise field just its seed."""
        return {}

    def change_image(self, image: Image, params: Params) -> Image:
        """Give the new picture (h, w, c) in the dtype of the old; leave the old one alone."""
        return image

    def change_mask(self, mask: NDArray[Any], params: Params) -> NDArray[Any]:
        """Give the new mask; leave the old one alone."""
        return mask

    def change_boxes(self, boxes: NDArray[np.float64], params: Params) -> NDArray[np.float64]:
        """Give the new table of boxes (see `Targets`); rows may be left out."""
        return boxes

    def change_keypoints(self, points: NDArray[np.float64], params: Params) -> NDArray[np.float64]:
        """Give the new table of key points (see `Targets`); rows may be left out."""
        return points

    def work(self, targets: Targets, params: Params) -> None:
        """Change every target by what was drawn; may be called again for a replay."""
        targets.settle()
        targets.change_images(lambda image: self.change_image(image, params))
        if targets.masks:
            targets.change_masks(lambda mask: self.change_mask(mask, params))
        for name, boxes in targets.boxes.items():
            targets.boxes[name] = self.change_boxes(boxes, params)
        for name, points in targets.keypoints.items():
            targets.keypoints[name] = self.change_keypoints(points, params)
        if targets.tidy is not None:
            targets.tidy(targets)

    def advance(
        self, targets: Targets, rng: Rng, trace: Trace | None = None, *, force: bool = False
    ) -> None:
        """Toss the coin, draw, and work; what ran is written to the trace, if there is one."""
        if not force and self.p < 1.0 and rng.random() >= self.p:
            return
        if not self.blind:
            targets.settle()
        params = self.draw(rng, targets)
        if trace is not None:
            trace.append((self, params))
        self.work(targets, params)

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        targets = Targets.of_sample(sample)
        self.advance(targets, rng)
        return targets.to_sample(sample)

    def __call__(self, picture: Any = None, /, rng: Any = None, **fields: Any) -> Any:
        """See `Operator`; without ``rng`` chance comes from the stream of this process."""
        generator = as_generator(rng) if rng is not None else self._own_stream()
        if picture is not None:
            return super().__call__(picture, generator, **fields)
        return call_by_name(self, fields, generator)

    def set_random_seed(self, seed: int | None) -> None:
        """Give this transform a stream of its own for calls without ``rng``."""
        stream = None if seed is None else np.random.default_rng(seed)
        object.__setattr__(self, "_stream", stream)

    def _own_stream(self) -> Rng:
        stream: Rng | None = self.__dict__.get("_stream")
        return ambient() if stream is None else stream


class PixelTransform(Transform, ImageOperator):
    """Change the values of a picture; masks, boxes and key points stay.

    A subclass writes `draw`, if anything is left to chance, and `change_image`.
    """

    wants_unit_range = True

    @abstractmethod
    def change_image(self, image: Image, params: Params) -> Image:
        """Give the new picture (h, w, c) in the dtype of the old; leave the old one alone."""

    def work(self, targets: Targets, params: Params) -> None:
        targets.settle()
        change = self.change_image
        for name, value in targets.images.items():
            if type(value) is list:
                targets.images[name] = [change(item, params) for item in value]
            else:
                targets.images[name] = change(value, params)

    def apply_image(self, image: Image, rng: Rng) -> Image:
        """Change one picture; as calling the transform, for code that knows only operators."""
        targets = Targets()
        targets.images["image"] = image
        targets.size = (image.shape[0], image.shape[1])
        self.advance(targets, rng)
        return targets.image
