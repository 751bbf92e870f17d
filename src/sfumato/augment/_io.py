"""What comes into a `Compose` by name, checked and sorted, and what leaves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sfumato.augment._calls import give_by_name
from sfumato.augment._tables import pick
from sfumato.augment._targets import KINDS, Targets
from sfumato.augment.bbox_params import BboxParams
from sfumato.augment.keypoint_params import KeypointParams
from sfumato.core.opencv import cv2
from sfumato.errors import FieldError, RangeError, ShapeError, SpecError

__all__ = ["Reader", "kinds_with"]

WORDS = {"bboxes": "boxes"}
KNOWN = ("image", "images", "mask", "masks", "boxes", "keypoints", "follower")


def kinds_with(additional: Mapping[str, str] | None, who: str) -> dict[str, str]:
    """Give the kind of every name, those of the user included.

    Raises:
        SpecError: a kind is unknown, or a name is already taken by another kind.
    """
    kinds = dict(KINDS)
    for name, word in (additional or {}).items():
        kind = WORDS.get(word, word)
        if kind not in KNOWN:
            raise SpecError(
                f"{who}: additional_targets['{name}'] is {word!r}",
                hint="a target is one of image, images, mask, masks, bboxes, keypoints",
            )
        if kinds.get(name, kind) != kind:
            raise SpecError(f"{who}: '{name}' already is a target of kind {kinds[name]}")
        kinds[name] = kind
    return kinds


class Reader:
    """Reads the fields of a call into `Targets`, and writes what became of them.

    Args:
        who: named in errors.
        kinds: the kind of each name.
        boxes: how boxes come, if they do.
        points: how key points come, if they do.
    """

    def __init__(
        self,
        who: str,
        kinds: Mapping[str, str],
        boxes: BboxParams | None,
        points: KeypointParams | None,
        *,
        check_shapes: bool,
        check_range: bool,
    ) -> None:
        self.who, self.kinds, self.boxes, self.points = who, kinds, boxes, points
        self.check_shapes, self.check_range = check_shapes, check_range
        self.labels = [
            (params.label_fields, kind)
            for params, kind in ((boxes, "boxes"), (points, "keypoints"))
            if params is not None and params.label_fields
        ]

    def read(self, fields: Mapping[str, Any]) -> Targets:
        """Check every field and sort it by its kind.

        Raises:
            SfumatoError: a field is not what it must be; the message names it.
        """
        targets, who, tables = Targets(), self.who, []
        for name, value in fields.items():
            kind = self.kinds.get(name)
            if kind is None or value is None:
                targets.extras[name] = value
            elif kind in ("boxes", "keypoints"):
                tables.append((name, kind, value))
            else:
                targets.take(name, kind, value, who)
        if not targets.images:
            got = ", ".join(fields) or "nothing"
            raise FieldError(f"{who} needs 'image=' or 'images='", hint=f"it got {got}")
        targets.measure()
        if self.check_shapes and (len(fields) > 1 or "image" not in fields):
            _check_shapes(targets, who)
        if self.check_range:
            _check_range(targets, who)
        for name, kind, value in tables:
            self._read_table(targets, name, kind, value)
        for name, main, rows in self._label_lists(fields) if self.labels else ():
            if len(fields[name]) != rows:
                raise ShapeError(
                    f"{who}: '{name}' has {len(fields[name])} entries, '{main}' has {rows}",
                    hint="label_fields need one entry for each",
                )
        if tables:
            targets.tidy = self.tidy_each
        return targets

    def _read_table(self, targets: Targets, name: str, kind: str, value: Any) -> None:
        params = self.boxes if kind == "boxes" else self.points
        if params is None:
            word = "bbox_params=BboxParams" if kind == "boxes" else "keypoint_params=KeypointParams"
            raise SpecError(
                f"{self.who}: '{name}' came, but not in which format",
                hint=f"say it: Compose([...], {word}(format=...))",
            )
        table = params.table(value, targets.size, f"{self.who}: '{name}'")
        getattr(targets, kind)[name] = table
        targets.counts[name] = len(value)
        if not params.drops_at_once:
            targets.clean[name] = table

    def _label_lists(self, fields: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
        for names, kind in self.labels:
            main = next((n for n in fields if self.kinds.get(n) == kind), None)
            if main is None:
                continue
            for name in names:
                if name not in fields:
                    raise SpecError(
                        f"{self.who}: label_fields names '{name}', which was not given",
                        hint=f"call with {name}=[...], one entry for each of '{main}'",
                    )
                yield name, main, len(fields[main])

    def tidy_each(self, targets: Targets) -> None:
        """Drop boxes and points by the rules that hold after every step."""
        self.tidy(targets, each=True)

    def tidy(self, targets: Targets, *, each: bool = False) -> None:
        """Drop boxes and points by the rules; ``each``: by those that hold after every step."""
        for params, group in ((self.boxes, targets.boxes), (self.points, targets.keypoints)):
            if params is None or (each and not params.check_each_transform):
                continue
            for name, table in group.items():
                if targets.clean.get(name) is not table:
                    group[name] = targets.clean[name] = params.keep(table, targets.size)

    def write(self, fields: Mapping[str, Any], targets: Targets) -> dict[str, Any]:
        """Give a dict with the same keys, in the forms that came in."""
        targets.settle()
        if targets.boxes or targets.keypoints:
            self.tidy(targets)
        if targets.joined:
            more = {n: targets.with_joined(n, fields[n]) for n in targets.joined}
            fields = {**fields, **more}
        out: dict[str, Any] = {}
        for name, given in fields.items():
            kind = self.kinds.get(name)
            if kind is None or given is None:
                out[name] = targets.extras[name]
            elif kind == "boxes":
                assert self.boxes is not None
                out[name] = self.boxes.rows(given, targets.boxes[name], targets.size)
            elif kind == "keypoints":
                assert self.points is not None
                out[name] = self.points.rows(given, targets.keypoints[name], targets.size)
            else:
                out[name] = give_by_name(targets, name, kind, given)
        for name, main, _ in self._label_lists(fields) if self.labels else ():
            group = targets.boxes if self.kinds[main] == "boxes" else targets.keypoints
            out[name] = pick(fields[name], group[main][:, 4])
        out.update(targets.facts)
        return out


def _check_shapes(targets: Targets, who: str) -> None:
    size = targets.size
    for group in (targets.images, targets.masks):
        for name, value in group.items():
            for plane in value if type(value) is list else (value,):
                if plane.shape[:2] != size:
                    raise ShapeError(
                        f"{who}: '{name}' is {plane.shape[1]} x {plane.shape[0]} px, "
                        f"the picture is {size[1]} x {size[0]} px",
                        hint="pictures and masks of one call must have one size; "
                        "is_check_shapes=False allows others",
                    )


def _check_range(targets: Targets, who: str) -> None:
    for name, value in targets.images.items():
        for plane in value if type(value) is list else (value,):
            if plane.dtype != np.float32:
                continue
            low, high, *_ = cv2.minMaxLoc(plane.reshape(plane.shape[0], -1))
            if not (low >= -1e-4 and high <= 1 + 1e-4):
                raise RangeError(
                    f"{who}: the float picture '{name}' has values from {low:g} to {high:g}, "
                    "its transforms of values need 0..1",
                    hint="divide by its white first; is_check_range=False lets it pass",
                )
            if not np.isfinite(plane.sum(dtype=np.float64)):  # the extremes above pass over NaN
                raise RangeError(f"{who}: the picture '{name}' holds values that are no numbers")
