"""A transform made of functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sfumato.augment._targets import Targets
from sfumato.augment.own_transforms import DualTransform
from sfumato.errors import SpecError

__all__ = ["Lambda"]

Function = Callable[..., Any]


class Lambda(DualTransform):
    """Treat targets by functions of your own; what has no function stays.

    A function gets the target and the keywords ``shape``, ``rows`` and ``cols``. Boxes are
    rows of shares of the size, points rows x, y, z, angle, size. It is saved by its ``name``
    only, and read back with ``nonserializable={name: the transform}``.

    Args:
        image: for pictures.
        mask: for masks.
        keypoints: for all points at once; ``keypoint`` in older code, called for each.
        bboxes: for all boxes at once; ``bbox`` in older code, called for each.
        name: under which it is saved.
        p: the share of calls that it acts on.
        keypoint: for each point (x, y, angle, size).
        bbox: for each box (x0, y0, x1, y1).
    """

    def __init__(  # noqa: PLR0917 (the order of albumentations)
        self,
        image: Function | None = None,
        mask: Function | None = None,
        keypoints: Function | None = None,
        bboxes: Function | None = None,
        name: str | None = None,
        always_apply: bool | None = None,
        p: float = 1.0,
        *,
        keypoint: Function | None = None,
        bbox: Function | None = None,
    ) -> None:
        super().__init__(always_apply=always_apply, p=p)
        for function in (image, mask, keypoints, bboxes, keypoint, bbox):
            if function is not None and not callable(function):
                raise SpecError(f"Lambda: expected a function, got {function!r}")
        self.name = name
        self.functions = {
            "image": image, "mask": mask, "keypoints": keypoints, "bboxes": bboxes,
            "keypoint": keypoint, "bbox": bbox,
        }  # fmt: skip

    def get_transform_init_args_names(self) -> tuple[str, ...]:
        return ("name",)

    def work(self, targets: Targets, params: Mapping[str, Any]) -> None:
        super().work(targets, params)
        targets.measure()

    @property
    def targets(self) -> dict[str, Callable[..., Any]]:
        """What has a function."""
        given = self.functions
        methods: dict[str, Callable[..., Any]] = {
            kind: function
            for kind in ("image", "mask", "keypoints", "bboxes")
            if (function := given[kind]) is not None
        }
        if given["bbox"] is not None:
            methods["bboxes"] = super().apply_to_bboxes
        if given["keypoint"] is not None:
            methods["keypoints"] = super().apply_to_keypoints
        return methods

    def apply_to_bbox(self, bbox: Any, **params: Any) -> Any:
        function = self.functions["bbox"]
        return bbox if function is None else function(bbox, **params)

    def apply_to_keypoint(self, keypoint: Any, **params: Any) -> Any:
        function = self.functions["keypoint"]
        return keypoint if function is None else np.asarray(function(keypoint, **params))
