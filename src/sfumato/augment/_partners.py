"""The other pictures of a mix: read like the picture itself, fitted, and joined to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.augment._io import Reader
from sfumato.augment._motion import Motion, Resampling, move_boxes, move_keypoints
from sfumato.augment._rescale import Rescale
from sfumato.augment._targets import Targets, box_table, point_table
from sfumato.core.sample import Sample
from sfumato.errors import DtypeError, FieldError, ShapeError

__all__ = ["Partner", "Table", "join", "least_visible", "planes_of", "read_partner", "within"]

Table = NDArray[np.float64]
SYNONYMS = {"bboxes": "boxes", "boxes": "bboxes"}


@dataclass(frozen=True, slots=True)
class Partner:
    """Another picture, in the terms of the `Targets` that it is mixed into.

    Attributes:
        size: height and width.
        planes: pictures, masks and followers, by the names that the targets have.
        boxes: tables as in `Targets`; their rows count in what this partner gave.
        keypoints: the same for key points.
        fields: everything as it was given.
        itself: whether it is the picture of the call once more.
    """

    size: tuple[int, int]
    planes: dict[str, NDArray[Any]]
    boxes: dict[str, Table]
    keypoints: dict[str, Table]
    fields: Mapping[str, Any]
    itself: bool = False

    def moved(self, motion: Motion, how: Resampling, masks: Mapping[str, Resampling]) -> Partner:
        """Carry everything along a motion; ``masks`` says how planes with labels are read."""
        return replace(
            self,
            size=motion.size,
            planes={n: motion.image(v, masks.get(n, how)) for n, v in self.planes.items()},
            boxes={n: move_boxes(motion, t) for n, t in self.boxes.items()},
            keypoints={n: move_keypoints(motion, t) for n, t in self.keypoints.items()},
        )

    def scaled(
        self, size: tuple[int, int], how: Resampling, masks: Mapping[str, Resampling]
    ) -> Partner:
        """Scale everything to a size, pixel edges on pixel edges."""
        if size == self.size:
            return self
        return self.moved(Rescale((0, 0, *self.size), size, self.size), how, masks)


def planes_of(targets: Targets, who: str) -> Iterator[tuple[dict[str, Any], str, NDArray[Any]]]:
    """Give every plane of the call with its group and name.

    Raises:
        ShapeError: there are lists of planes, or one is not as large as the picture.
    """
    for group in (targets.images, targets.masks, targets.followers):
        for name, plane in group.items():
            if type(plane) is list:
                raise ShapeError(
                    f"{who}: '{name}' is a list, and a mix takes one picture and one mask a call",
                    hint="give 'image' and 'mask'; objects as labels of one mask",
                )
            if plane.shape[:2] != targets.size:
                raise ShapeError(
                    f"{who}: '{name}' is {plane.shape[:2]}, the picture is {targets.size}"
                )
            yield group, name, plane


def the_picture(targets: Targets, who: str) -> Partner:
    """Give the picture of the call in the form of a partner."""
    planes = {name: plane for _, name, plane in planes_of(targets, who)}
    boxes, points = dict(targets.boxes), dict(targets.keypoints)
    return Partner(targets.size, planes, boxes, points, targets.extras, itself=True)


def read_partner(item: Any, number: int, targets: Targets, who: str) -> Partner:
    """Read a sample, or a dict with the names of the call.

    Raises:
        FieldError: it lacks something that the call has, or has boxes that the call lacks.
        ShapeError: its planes do not fit each other, or have other channels than the picture.
        DtypeError: its picture has another dtype.
    """
    label = f"{who}: partner {number + 1}"
    if number < 0:
        return the_picture(targets, who)
    fields = _named(item)
    planes: dict[str, NDArray[Any]] = {}
    for group, name, own in planes_of(targets, who):
        taken = Targets()
        kind = "mask" if group is targets.masks else "image"
        taken.take(name, kind, _field(fields, name, label), label)
        plane = (taken.masks if kind == "mask" else taken.images)[name]
        if plane.ndim == 3 and own.ndim == 2 and plane.shape[2] == 1:
            plane = plane[..., 0]
        if plane.shape[2:] != own.shape[2:] or plane.ndim != own.ndim or plane.dtype != own.dtype:
            error = DtypeError if plane.dtype != own.dtype else ShapeError
            raise error(
                f"{label}: '{name}' is {plane.dtype} {plane.shape}, in the call it is "
                f"{own.dtype} {own.shape}",
                hint="pictures that are mixed have one dtype and as many channels",
            )
        planes[name] = plane
    sizes = {plane.shape[:2] for plane in planes.values()}
    if len(sizes) != 1:
        raise ShapeError(f"{label}: its picture and masks differ in size: {sorted(sizes)}")
    size = sizes.pop()
    reader = None if isinstance(item, Sample) else _reader(targets)
    tables: dict[str, dict[str, Table]] = {"boxes": {}, "keypoints": {}}
    for kind, own_tables in (("boxes", targets.boxes), ("keypoints", targets.keypoints)):
        names = {"boxes", "bboxes"} if kind == "boxes" else {"keypoints"}
        stray = [n for n in names if fields.get(n) is not None and len(fields[n])]
        if stray and not own_tables:
            raise FieldError(
                f"{label} has '{stray[0]}', which the call does not have",
                hint=f"give the picture '{stray[0]}' too, an empty list if it has none",
            )
        for name in own_tables:
            given = _field(fields, name, label)
            tables[kind][name] = _table(kind, given, reader, size, f"{label}: '{name}'")
    return Partner(size, planes, tables["boxes"], tables["keypoints"], fields)


def _named(item: Any) -> Mapping[str, Any]:
    if isinstance(item, Sample):
        return {**item.meta, **{name: getattr(item, name) for name in item.fields()}}
    return item  # type: ignore[no-any-return]


def _field(fields: Mapping[str, Any], name: str, label: str) -> Any:
    value = fields.get(name)
    if value is None:
        value = fields.get(SYNONYMS.get(name, name))
    if value is None:
        raise FieldError(
            f"{label} has no '{name}', which the call has", hint=f"it has: {', '.join(fields)}"
        )
    return value


def _reader(targets: Targets) -> Reader | None:
    """Give what `Compose` reads boxes with, if the call came through one."""
    reader = getattr(targets.tidy, "__self__", None)
    return reader if isinstance(reader, Reader) else None


def _table(
    kind: str, given: Any, reader: Reader | None, size: tuple[int, int], label: str
) -> Table:
    if reader is not None:
        params = reader.boxes if kind == "boxes" else reader.points
        if params is not None:
            return params.table(given, size, label)
    columns = 4 if kind == "boxes" else 2
    rows = np.asarray(given) if len(given) else np.zeros((0, columns))
    if rows.ndim != 2 or rows.shape[1] < columns:
        raise ShapeError(f"{label} must be (k, {columns}) or wider, got {rows.shape}")
    return box_table(rows, label) if kind == "boxes" else point_table(rows, label)


def join(targets: Targets, kind: str, name: str, table: Table, partner: Partner) -> None:
    """Append what is left of a partner's boxes or points, with their labels, to the call's.

    Raises:
        FieldError: the partner lacks a list that ``label_fields`` names.
        ShapeError: such a list does not run along with the rows.
    """
    group = targets.boxes if kind == "boxes" else targets.keypoints
    if not partner.itself:
        given = _field(partner.fields, name, "a partner")
        picks = table[:, 4].astype(int).tolist()
        if name == next(iter(group)):
            for label in _labels(targets, kind):
                values = _field(partner.fields, label, "a partner")
                if len(values) != len(given):
                    raise ShapeError(
                        f"a partner's '{label}' has {len(values)} entries, its '{name}' "
                        f"has {len(given)}"
                    )
                targets.joined.setdefault(label, []).extend(values[k] for k in picks)
        rows = targets.joined.setdefault(name, [])
        start = targets.counts[name] + len(rows)
        rows.extend(given[k] for k in picks)
        table = table.copy()
        table[:, 4] = np.arange(start, start + len(table))
    group[name] = np.concatenate([group[name], table])


def _labels(targets: Targets, kind: str) -> tuple[str, ...]:
    reader = _reader(targets)
    found = () if reader is None else reader.labels
    return tuple(name for names, of in found if of == kind for name in names or ())


def least_visible(targets: Targets) -> float:
    """Say which share of a box must be left, where a `Compose` says so."""
    reader = _reader(targets)
    return 0.0 if reader is None or reader.boxes is None else reader.boxes.min_visibility


def within(table: Table, window: tuple[int, int, int, int], visible: float = 0.0) -> Table:
    """Cut boxes to the window x0 y0 x1 y1 and keep those of which a share is left."""
    low, high = np.subtract(window[:2], 0.5), np.subtract(window[2:], 0.5)
    cut = table.copy()
    cut[:, :2] = np.maximum(table[:, :2], low)
    cut[:, 2:4] = np.minimum(table[:, 2:4], high)
    sides = cut[:, 2:4] - cut[:, :2]
    whole = (table[:, 2:4] - table[:, :2]).prod(axis=1)
    enough = sides.prod(axis=1) >= visible * whole * (1 - 1e-9)
    return np.asarray(cut[(sides > 0).all(axis=1) & enough])


def inside(points: Table, window: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Say which points lie in the window x0 y0 x1 y1 of pixels."""
    low, high = np.subtract(window[:2], 0.5), np.subtract(window[2:], 0.5)
    return np.asarray(((points[:, :2] >= low) & (points[:, :2] < high)).all(axis=1))
