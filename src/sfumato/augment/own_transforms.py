"""Bases for transforms of your own in the style of albumentations, whose code then runs unchanged.

New transforms are better derived from `PixelTransform` and `SpatialTransform`: settings that
check and save themselves, and one stated map instead of four methods.
"""

from __future__ import annotations

import inspect
import random
from abc import ABCMeta
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._calls import call_by_name
from sfumato.augment._streams import ambient, as_generator
from sfumato.augment._targets import Targets
from sfumato.augment.spatial import SpatialTransform
from sfumato.augment.transform import PixelTransform, Trace, Transform
from sfumato.core.operator import Rng
from sfumato.errors import FieldError, RangeError

__all__ = ["BasicTransform", "DualTransform", "ImageOnlyTransform"]


class BasicTransform(metaclass=ABCMeta):  # noqa: B024 (its subclasses choose what to override)
    """A transform that says in ``targets`` which method treats which target.

    The methods get the target and everything that ``get_params`` and
    ``get_params_dependent_on_data`` drew, as keywords, with ``shape``, ``rows`` and ``cols``.
    Randomness comes from ``self.py_random`` and ``self.random_generator``, which the
    composition seeds.

    Args:
        p: the share of calls that the transform acts on; older code gives ``always_apply``
            before it.
    """

    classes: ClassVar[dict[str, type[Any]]] = {}
    """Every class derived from this one, by its full name: what `from_dict` may build."""

    p: float = 0.5

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        BasicTransform.classes[f"{cls.__module__}.{cls.__qualname__}"] = cls

    def __init__(self, *args: Any, always_apply: bool | None = None, p: float = 0.5) -> None:
        values = list(args)
        if values and isinstance(values[0], bool):
            always_apply = values.pop(0)
        if values:
            p = values.pop(0)
        if not 0.0 <= p <= 1.0:
            raise RangeError(f"{type(self).__name__}.p: {p} is outside [0, 1]")
        self.p = 1.0 if always_apply else p
        self.params: dict[str, Any] = {}

    @property
    def py_random(self) -> random.Random:
        """A generator of the standard library, seeded by the composition."""
        return self.__dict__.setdefault("_py_random", random.Random())  # type: ignore[no-any-return] # noqa: S311

    @property
    def random_generator(self) -> Rng:
        """A generator of NumPy, seeded by the composition."""
        return self.__dict__.setdefault("_generator", ambient())  # type: ignore[no-any-return]

    def set_random_seed(self, seed: int | None) -> None:
        """Seed both generators."""
        self._seed_from(np.random.default_rng(seed))

    def _seed_from(self, rng: Rng) -> None:
        self.__dict__["_generator"] = rng
        self.py_random.seed(int(rng.integers(2**63)))

    @property
    def targets(self) -> dict[str, Callable[..., Any]]:
        """Which method treats which kind of target."""
        return {}

    @property
    def targets_as_params(self) -> list[str]:
        """Names of fields that `get_params_dependent_on_targets` wants to see."""
        return []

    def apply(self, img: NDArray[Any], *args: Any, **params: Any) -> NDArray[Any]:
        """Treat a picture."""
        raise NotImplementedError(f"{type(self).__name__} has no method 'apply'")

    def get_params(self) -> dict[str, Any]:
        """Draw what does not depend on the picture."""
        return {}

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        """Draw what depends on the picture, as 2.0 has it."""
        if self.targets_as_params:
            return self.get_params_dependent_on_targets(
                {name: data[name] for name in self.targets_as_params}
            )
        return {}

    def get_params_dependent_on_targets(self, params: dict[str, Any]) -> dict[str, Any]:
        """Draw what depends on the picture, as 1.3 has it."""
        return {}

    def update_params(self, params: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Add to what was drawn, as 1.3 has it."""
        return params

    def get_transform_init_args_names(self) -> tuple[str, ...]:
        """Name the arguments of the constructor, which must be attributes to be saved."""
        named = inspect.signature(type(self).__init__).parameters.values()
        plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        skipped = ("self", "p", "always_apply")
        return tuple(v.name for v in named if v.kind in plain and v.name not in skipped)

    def get_transform_init_args(self) -> dict[str, Any]:
        """Give the arguments of the constructor with their values."""
        return {name: getattr(self, name) for name in self.get_transform_init_args_names()}

    def __call__(self, *, force_apply: bool = False, rng: Any = None, **fields: Any) -> Any:
        """Do one call by name: ``transform(image=..., mask=...)``."""
        generator = as_generator(rng) if rng is not None else self.random_generator
        return call_by_name(self, {**fields, "force_apply": force_apply}, generator)

    def advance(
        self, targets: Targets, rng: Rng, trace: Trace | None = None, *, force: bool = False
    ) -> None:
        """Toss the coin, draw, and work; part of the engine."""
        if not force and self.p < 1.0 and rng.random() >= self.p:
            return
        targets.settle()
        self._seed_from(rng)
        params = self.draw(targets)
        if trace is not None:
            trace.append((self, params))
        self.work(targets, params)

    def draw(self, targets: Targets) -> dict[str, Any]:
        """Draw all parameters of one call."""
        params = dict(self.get_params())
        data = _fields_of(targets)
        image = data[next(iter(targets.images))]
        first = image[0] if isinstance(image, list) else image
        params = {**self.update_params(params, **data), "shape": first.shape}
        params.update(cols=first.shape[1], rows=first.shape[0])
        for name in ("interpolation", "fill", "fill_value", "mask_fill_value"):
            if hasattr(self, name):
                params.setdefault(name, getattr(self, name))
        params.update(self.get_params_dependent_on_data(params, data))
        return params

    def work(self, targets: Targets, params: Mapping[str, Any]) -> None:
        """Hand every target to the method that `targets` names for it."""
        methods = self.targets
        if "image" in methods:
            _on_pictures(targets, lambda image: methods["image"](image, **params))
        if "mask" in methods:
            targets.change_masks(lambda mask: np.asarray(methods["mask"](mask, **params)))
        if targets.boxes and "bboxes" in methods:
            self._on_boxes(targets, methods["bboxes"], params)
        if targets.keypoints and "keypoints" in methods:
            for name, table in targets.keypoints.items():
                moved = methods["keypoints"](_as_their_points(table), **params)
                targets.keypoints[name] = _from_their_points(moved)
        targets.measure()
        if targets.tidy is not None:
            targets.tidy(targets)

    def _on_boxes(
        self, targets: Targets, method: Callable[..., Any], params: Mapping[str, Any]
    ) -> None:
        height, width = params["shape"][:2]
        image = targets.image.shape
        for name, table in targets.boxes.items():
            theirs = table.copy()
            theirs[:, :4] = (table[:, :4] + 0.5) / (width, height, width, height)
            moved = _rows_like(method(theirs, **params), theirs)
            moved[:, :4] = moved[:, :4] * (image[1], image[0], image[1], image[0]) - 0.5
            targets.boxes[name] = moved


class ImageOnlyTransform(BasicTransform):
    """A transform of values: write ``apply(self, img, **params)``."""

    @property
    def targets(self) -> dict[str, Callable[..., Any]]:
        """The picture alone."""
        return {"image": self.apply}


class DualTransform(BasicTransform):
    """A transform of geometry: write ``apply`` and what the other targets need.

    Masks go through `apply_to_mask`, boxes through `apply_to_bboxes` (rows of shares of the
    size) or `apply_to_bbox` for one, points through `apply_to_keypoints` (rows x, y, z, angle,
    size) or `apply_to_keypoint` for one (x, y, angle, size).
    """

    @property
    def targets(self) -> dict[str, Callable[..., Any]]:
        """Everything."""
        return {
            "image": self.apply,
            "mask": self.apply_to_mask,
            "bboxes": self.apply_to_bboxes,
            "keypoints": self.apply_to_keypoints,
        }

    def apply_to_mask(self, mask: NDArray[Any], *args: Any, **params: Any) -> NDArray[Any]:
        """Treat a mask: as a picture, by nearest neighbour."""
        nearest = {k: 0 if k == "interpolation" else v for k, v in params.items()}
        return self.apply(mask, *args, **nearest)

    def apply_to_bboxes(self, bboxes: Any, *args: Any, **params: Any) -> Any:
        """Treat all boxes; one by one unless this is overridden."""
        return [
            (*tuple(self.apply_to_bbox(tuple(box[:4]), **params))[:4], *box[4:]) for box in bboxes
        ]

    def apply_to_bbox(self, bbox: Sequence[float], **params: Any) -> Sequence[float]:
        """Treat one box (x0, y0, x1, y1), in shares of the size."""
        raise FieldError(f"{type(self).__name__} does not say what becomes of boxes")

    def apply_to_keypoints(self, keypoints: Any, *args: Any, **params: Any) -> Any:
        """Treat all points; one by one unless this is overridden."""
        moved = []
        for x, y, z, angle, scale, *rest in keypoints:
            nx, ny, na, ns = tuple(self.apply_to_keypoint((x, y, angle, scale), **params))[:4]
            moved.append((nx, ny, z, na, ns, *rest))
        return moved

    def apply_to_keypoint(self, keypoint: Sequence[float], **params: Any) -> Sequence[float]:
        """Treat one point (x, y, angle, size)."""
        raise FieldError(f"{type(self).__name__} does not say what becomes of key points")


# `isinstance(transform, DualTransform)` tells kinds apart in code written for albumentations.
BasicTransform.register(Transform)
ImageOnlyTransform.register(PixelTransform)  # type: ignore[type-abstract]
DualTransform.register(SpatialTransform)  # type: ignore[type-abstract]


def _fields_of(targets: Targets) -> dict[str, Any]:
    fields: dict[str, Any] = {**targets.extras, **targets.masks}
    for name, value in targets.images.items():
        if type(value) is list:
            fields[name] = value
        else:
            fields[name] = value[..., 0] if targets.forms.get(name) == "flat" else value
    height, width = targets.size
    for name, table in targets.boxes.items():
        shares = table.copy()
        shares[:, :4] = (table[:, :4] + 0.5) / (width, height, width, height)
        fields[name] = shares
    for name, table in targets.keypoints.items():
        fields[name] = _as_their_points(table)
    return fields


def _on_pictures(targets: Targets, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    for name, value in targets.images.items():
        flat = targets.forms.get(name) == "flat"
        planes = value if type(value) is list else [value]
        done = []
        for plane in planes:
            new = np.asarray(change(plane[..., 0] if flat else plane))
            done.append(new[..., None] if new.ndim == 2 else new)
        targets.images[name] = done if type(value) is list else done[0]


def _as_their_points(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows x, y, z, angle, size, and then the row number."""
    plain = np.nan_to_num(table, nan=0.0)  # a point without an angle has angle 0 there
    return np.column_stack([plain[:, :2], np.zeros(len(table)), plain[:, 2:]])


def _from_their_points(moved: Any) -> NDArray[np.float64]:
    rows = np.asarray(moved, np.float64).reshape(-1, 6)
    return np.ascontiguousarray(rows[:, [0, 1, 3, 4, 5]])


def _rows_like(moved: Any, before: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read what a method gave: an array or a list of rows, with or without the row number."""
    rows = np.array(moved, np.float64)
    if rows.size == 0:
        return np.zeros((0, 5))
    if rows.shape[1] == 4 and len(rows) == len(before):
        return np.column_stack([rows, before[:, 4]])
    return rows
