"""A trained method as a step of a pipeline."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from sfumato.core.bounds import Between
from sfumato.core.operator import Operator, Rng
from sfumato.core.sample import Sample
from sfumato.errors import OutOfMemoryError, SfumatoError, ShapeError, SpecError

if TYPE_CHECKING:
    from sfumato.core.method import Method

__all__ = ["Apply"]


class Apply(Operator):
    """Let a trained method work on a picture, of any size.

    Sides are padded to what the method wants and cropped back. A picture too large for
    memory is answered in overlapping tiles, blended without a seam. The result has the
    dtype of the picture that came in. The method is loaded when it is first used and
    kept for the next picture.

    Args:
        weights: a folder that ``save`` or a training run wrote, the name of weights that
            come with sfumato, or ``hub:owner/name``.
        device: where to compute, as torch calls it.
        tile_px: side of a tile; "auto" tiles only what does not fit into half of the free
            memory; None never does.
        overlap_px: what neighbouring tiles share; None as the method says.

    Raises:
        FileError: there are no such weights, or they are damaged.
        SpecError: the folder holds no method, or one of a class that this program has
            not imported.
        RangeError: there is no such device.
        ShapeError: the method does not take such a picture.
        OutOfMemoryError: the memory does not suffice.
        MissingExtraError: torch is not installed.
    """

    weights: str
    device: str = "cpu"
    tile_px: Annotated[int, Between(1)] | Literal["auto"] | None = "auto"
    overlap_px: Annotated[int, Between(0)] | None = None

    _example = {"weights": "no-such-weights"}

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the method reads."""
        return self.method.reads

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the method writes."""
        return self.method.writes

    @property
    def method(self) -> Method:
        """The method, ready to predict."""
        from sfumato.core.network import WEIGHTS, find_weights  # noqa: PLC0415 (torch comes in)

        folder = find_weights(self.weights).resolve()
        file = folder / WEIGHTS
        stamp = file.stat().st_mtime_ns if file.is_file() else 0
        return _loaded(folder, stamp, self.device)

    def apply(self, sample: Sample, rng: Rng) -> Sample:
        from sfumato.core.any_size import predict  # noqa: PLC0415
        from sfumato.core.batch import Batch  # noqa: PLC0415 (torch comes in)
        from sfumato.core.tensors import torch  # noqa: PLC0415

        method = self.method
        generator = torch.Generator(self.device).manual_seed(int(rng.integers(2**62)))
        asked = Batch.of([sample]).to(self.device)
        try:
            with torch.inference_mode():
                answer = predict(
                    method, asked, rng=generator, tile_px=self.tile_px, overlap_px=self.overlap_px
                )
        except RuntimeError as error:
            raise self._refusal(error, sample) from error
        before = asked.tensors()
        changed = {
            name for name, tensor in answer.tensors().items() if tensor is not before.get(name)
        }
        result = answer.samples()[0]
        news: dict[str, Any] = {n: getattr(result, n) for n in result.fields() if n in changed}
        if "label" in changed:
            news["meta"] = {**sample.meta, "label": result.meta["label"]}
        return sample.but(**news)

    def _refusal(self, error: RuntimeError, sample: Sample) -> SfumatoError:
        """Say what torch did not like, and what helps."""
        said = str(error).strip().partition("\n")[0][:200]
        height, width, channels = sample.image.shape
        what = f"{width} x {height} px with {channels} channels"
        if "memory" in said.lower():
            return OutOfMemoryError(
                f"Apply: the memory of {self.device} does not suffice for {what}",
                hint="give a smaller tile_px",
            )
        return ShapeError(
            f"Apply: {type(self.method).__name__} cannot answer a picture of {what}: {said}",
            hint="does it take pictures of so many channels?",
        )


@functools.lru_cache(maxsize=4)
def _loaded(folder: Path, _stamp: int, device: str) -> Method:
    from sfumato.core.method import Method  # noqa: PLC0415 (torch comes in)
    from sfumato.core.network import Network  # noqa: PLC0415

    network = Network.load(folder, trust=_known(Network), device=device)
    if not isinstance(network, Method):
        raise SpecError(
            f"{folder}: holds {type(network).__name__}, a network that no method wraps",
            hint="Apply needs something with 'predict'",
        )
    return network


def _known(kind: type[Any]) -> tuple[str, ...]:
    """Name the modules whose networks this program has imported: nothing new is run for them."""
    found = {kind.__module__}
    for child in kind.__subclasses__():
        found |= {child.__module__, *_known(child)}
    return tuple(sorted(found))
