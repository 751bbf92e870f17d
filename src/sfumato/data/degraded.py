"""Pairs made of one picture: the picture, and what went wrong with it."""

from __future__ import annotations

from sfumato.core.operator import Operator, Rng
from sfumato.core.pipeline import Pipeline
from sfumato.core.sample import Sample
from sfumato.data.source import SampleList, Source

__all__ = ["DegradedPictures"]


class DegradedPictures(Source):
    """Make pairs by damaging good pictures: the damaged one is seen, the good one is the target.

    Args:
        source: the good pictures.
        degrade: the operator that damages them. Where it writes ``target`` itself, that
            stands; else the picture as it was is the target.
        clean: an operator before it: crops, flips, scaling of the good picture.

    Example:
        >>> from sfumato.raster import Resize
        >>> good = Sample(np.full((16, 16, 3), 9, np.uint8))
        >>> pairs = DegradedPictures(
        ...     source=SampleList(samples=(good,)),
        ...     degrade=Pipeline(steps=(Resize(long_side_px=4), Resize(long_side_px=16))),
        ... )
        >>> pairs[0].fields(), pairs[0].target.shape
        (('image', 'target'), (16, 16, 3))
    """

    source: Source
    degrade: Operator
    clean: Operator | None = None

    _example = {"source": SampleList.example(), "degrade": Pipeline(steps=())}

    def __len__(self) -> int:
        return len(self.source)

    def name_of(self, index: int) -> str:
        return self.source.name_of(index)

    def read(self, index: int, rng: Rng) -> Sample:
        reading, cleaning, degrading = rng.spawn(3)
        good = self.source.read(index, reading)
        if self.clean is not None:
            good = self.clean(good, cleaning)
        worse = self.degrade(good.but(target=None), degrading)
        return worse if worse.target is not None else worse.but(target=good.image)
