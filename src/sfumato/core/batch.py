"""Several samples as tensors: the only border between NumPy and torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.core.sample import Sample
from sfumato.core.shapes import from_unit, to_unit
from sfumato.core.tensors import Tensor, torch
from sfumato.errors import DtypeError, FieldError, ShapeError

__all__ = ["Batch"]

PICTURES = ("image", "target", "hint")
"""Fields (n, c, h, w) that come from pictures of a sample."""
PLANES = ("mask", "depth")
"""Fields that come from arrays (h, w) of a sample."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Several samples of one size, as tensors; nothing in it is edited in place.

    Pictures are float32 with white at 1, whatever they came as; `samples` gives
    them back in the dtype that they had.

    Args:
        image: the pictures.
        target: what a method should answer.
        hint: pictures that guide a generator.
        depth: distance or layer of each pixel.
        mask: integer labels of the pixels, int64.
        label: one integer a picture, int64; from ``meta["label"]`` of a sample.
        scores: how much speaks for each class, pixel by pixel; methods write it.
        text: a caption or prompt for each picture.
        meta: facts about each picture, as in a sample.
        origin: what each picture was before: dtypes by field, and ``space``.

    Shape:
        image, target, hint, scores (n, c, h, w), sizes and channels may differ from
        field to field; depth, mask (n, h, w); label (n,).

    Raises:
        ShapeError: a field has the wrong dimensions, or another count than ``image``.

    Example:
        >>> pictures = [Sample(np.full((4, 6, 3), v, np.uint8)) for v in (0, 255)]
        >>> batch = Batch.of(pictures)
        >>> tuple(batch.image.shape), batch.image.max().item()
        ((2, 3, 4, 6), 1.0)
        >>> batch.samples()[1].image.dtype
        dtype('uint8')
    """

    image: Tensor
    _: KW_ONLY
    target: Tensor | None = None
    hint: Tensor | None = None
    depth: Tensor | None = None
    mask: Tensor | None = None
    label: Tensor | None = None
    scores: Tensor | None = None
    text: tuple[str, ...] | None = None
    meta: tuple[Mapping[str, Any], ...] = ()
    origin: tuple[Mapping[str, str], ...] = ()

    def __post_init__(self) -> None:
        dimensions = {"mask": 3, "depth": 3, "label": 1}
        for name, tensor in self.tensors().items():
            if not isinstance(tensor, Tensor):
                raise DtypeError(f"Batch.{name}: expected a tensor, got {type(tensor).__name__}")
            wanted = dimensions.get(name, 4)
            if tensor.ndim != wanted:
                form = {4: "(n, c, h, w)", 3: "(n, h, w)", 1: "(n,)"}[wanted]
                raise ShapeError(f"Batch.{name}: expected {form}, got {tuple(tensor.shape)}")
            if len(tensor) != len(self.image):
                raise ShapeError(
                    f"Batch.{name}: holds {len(tensor)} pictures, 'image' {len(self.image)}"
                )
        if self.text is not None and len(self.text) != len(self.image):
            raise ShapeError(f"Batch.text: {len(self.text)} texts for {len(self.image)} pictures")

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, part: slice) -> Batch:
        """Give some of the samples, as a batch."""
        cut: dict[str, Any] = {name: tensor[part] for name, tensor in self.tensors().items()}
        for name in ("text", "meta", "origin"):
            cut[name] = getattr(self, name) and getattr(self, name)[part]
        return replace(self, **cut)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images in pixels."""
        return self.image.shape[2], self.image.shape[3]

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.image.device

    def tensors(self) -> dict[str, Tensor]:
        """Give the fields that hold tensors, by name."""
        named = ((f.name, getattr(self, f.name)) for f in fields(self))
        plain = ("text", "meta", "origin")
        return {name: value for name, value in named if name not in plain and value is not None}

    def but(self, **changes: Any) -> Batch:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """Return a copy whose tensors are on a device."""
        moved = {n: t.to(device, non_blocking=non_blocking) for n, t in self.tensors().items()}
        return self.but(**moved)

    def pin_memory(self) -> Batch:
        """Return a copy in memory that a GPU can read by itself."""
        return self.but(**{name: tensor.pin_memory() for name, tensor in self.tensors().items()})

    def need(self, name: str) -> Tensor:
        """Return a field, or say that it is missing.

        Raises:
            FieldError: the batch does not have the field.
        """
        value = getattr(self, name)
        if value is None:
            raise FieldError(
                f"the method needs '{name}', which this batch does not have",
                hint=f"it has: {', '.join(self.tensors())}" + (", text" if self.text else ""),
            )
        return value  # type: ignore[no-any-return]

    def captions(self) -> tuple[str, ...]:
        """Return the texts, or say that they are missing.

        Raises:
            FieldError: the batch has no text.
        """
        if self.text is None:
            raise FieldError(
                "the method needs 'text', which this batch does not have",
                hint=f"it has: {', '.join(self.tensors())}",
            )
        return self.text

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Batch:
        """Make a batch of samples that have the same fields in the same sizes.

        Raises:
            ShapeError: no samples, or sizes or channels differ.
            FieldError: some samples have a field that others lack.
        """
        if not samples:
            raise ShapeError("Batch.of: no samples were given")
        made: dict[str, Any] = {}
        for name in (*PICTURES, *PLANES, "text", "label"):
            values: list[Any] = [
                s.meta.get(name) if name == "label" else getattr(s, name) for s in samples
            ]
            absent = [k for k, value in enumerate(values) if value is None]
            if len(absent) == len(values):
                continue
            if absent:
                raise FieldError(
                    f"Batch.of: sample {absent[0] + 1} of {len(values)} has no '{name}', "
                    "others have"
                )
            if name == "text":
                made[name] = tuple(values)
            elif name == "label":
                made[name] = torch.as_tensor(values, dtype=torch.int64)
            else:
                made[name] = _stacked(name, values)
        origin = tuple(_origin(sample) for sample in samples)
        return cls(**made, meta=tuple(sample.meta for sample in samples), origin=origin)

    def samples(self) -> list[Sample]:
        """Give the samples one by one, pictures in the dtype that they came in.

        Pictures that never were anything else are float32; labels that no longer
        fit into the dtype of the mask are int32. ``scores`` have no place in a sample.
        """
        arrays = {name: _to_numpy(tensor) for name, tensor in self.tensors().items()}
        return [self._sample(k, arrays) for k in range(len(self))]

    def _sample(self, k: int, arrays: Mapping[str, NDArray[Any]]) -> Sample:
        came = self.origin[k] if len(self.origin) == len(self) else {}
        made: dict[str, Any] = {}
        for name in PICTURES:
            if name in arrays:
                picture = arrays[name][k].transpose(1, 2, 0)
                made[name] = from_unit(np.ascontiguousarray(picture), came.get(name, "float32"))
        for name in PLANES:
            if name in arrays:
                made[name] = _plane(arrays[name][k], came.get(name))
        meta = dict(self.meta[k]) if len(self.meta) == len(self) else {}
        if "label" in arrays:
            meta["label"] = int(arrays["label"][k])
        text = self.text[k] if self.text is not None else None
        return Sample(**made, text=text, space=came.get("space", "srgb"), meta=meta)


def _stacked(name: str, values: list[NDArray[Any]]) -> Tensor:
    shapes = {value.shape for value in values}
    if len(shapes) > 1:
        first = values[0].shape
        k = next(k for k, value in enumerate(values) if value.shape != first)
        raise ShapeError(
            f"Batch.of: '{name}' of sample {k + 1} is {values[k].shape}, of sample 1 {first}",
            hint="crop or resize them to one size first",
        )
    if name == "mask":
        return torch.from_numpy(np.stack(values).astype(np.int64))
    if name == "depth":
        return torch.from_numpy(np.stack(values).astype(np.float32))
    planes = [to_unit(value).transpose(2, 0, 1) for value in values]
    return torch.from_numpy(np.ascontiguousarray(np.stack(planes)))


def _origin(sample: Sample) -> dict[str, str]:
    arrays = {name: getattr(sample, name) for name in (*PICTURES, *PLANES)}
    known = {name: str(array.dtype) for name, array in arrays.items() if array is not None}
    return known | {"space": sample.space}


def _to_numpy(tensor: Tensor) -> NDArray[Any]:
    tensor = tensor.detach().cpu()
    array = tensor.float().numpy() if tensor.is_floating_point() else tensor.numpy()
    return np.asarray(array)


def _plane(values: NDArray[Any], dtype: str | None) -> NDArray[Any]:
    if values.dtype.kind == "f":
        return values.astype(dtype if dtype and np.dtype(dtype).kind == "f" else np.float32)
    if dtype is None or np.dtype(dtype).kind not in "iub":
        return values.astype(np.int32)
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    fits = values.size == 0 or (values.min() >= low and values.max() <= high)
    return values.astype(dtype if fits else np.int32)
