"""Scale a picture: to a size, to a longest or shortest side, by chance."""

from __future__ import annotations

from typing import Annotated, Any

from sfumato.augment._motion import Motion
from sfumato.augment._resampled import Interpolated
from sfumato.augment._rescale import Rescale
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import symmetric
from sfumato.augment.resized_crops import ForDownscale, for_downscale
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.errors import SpecError

__all__ = ["LongestMaxSize", "RandomScale", "Resize", "SmallestMaxSize"]

Pixels = Annotated[int, Between(1)]
Share = Annotated[float, Between(0.0, 1.0)]


class Scaled(Interpolated):
    """The whole picture in another size; base of the transforms below."""

    area_for_downscale: ForDownscale | None = None

    def new_size(self, params: Params, size: tuple[int, int]) -> tuple[int, int]:
        """Give height and width of the result."""
        raise NotImplementedError

    def motion(self, params: Params, size: tuple[int, int]) -> Motion:
        return Rescale((0, 0, *size), self.new_size(params, size), size)

    def work(self, targets: Targets, params: Params) -> None:
        old = targets.size
        motion = self.motion(params, old)
        shrinks = motion.size[0] < old[0] or motion.size[1] < old[1]
        choice = self.area_for_downscale if shrinks else None
        targets.move(motion, *for_downscale(*self.how, choice))


class Resize(Scaled):
    """Scale to a size, whatever the shape.

    Args:
        height: of the result, in pixels.
        width: of the result, in pixels.
        area_for_downscale: average areas where the picture shrinks: of the ``image``, of
            ``image_mask`` both, or of none.
    """

    height: Pixels
    width: Pixels
    p: Share = 1.0

    order = ("height", "width", "interpolation", "mask_interpolation", "area_for_downscale", "p")
    _example = {"height": 20, "width": 31}

    def new_size(self, params: Params, size: tuple[int, int]) -> tuple[int, int]:
        return self.height, self.width


class RandomScale(Scaled):
    """Scale both sides by one factor, drawn by chance.

    Args:
        scale_limit: the factor is 1 plus what is drawn from here.
        area_for_downscale: average areas where the picture shrinks: of the ``image``, of
            ``image_mask`` both, or of none.
    """

    scale_limit: Annotated[tuple[float, float], Between(-0.999)] = (-0.1, 0.1)

    order = ("scale_limit", "interpolation", "mask_interpolation", "area_for_downscale", "p")
    shorthand = {**Interpolated.shorthand, "scale_limit": symmetric}

    def draw(self, rng: Rng, targets: Targets) -> Params:
        return {"scale": 1.0 + rng.uniform(*self.scale_limit)}

    def new_size(self, params: Params, size: tuple[int, int]) -> tuple[int, int]:
        return max(1, int(size[0] * params["scale"])), max(1, int(size[1] * params["scale"]))


def _choices(value: Any) -> Any:
    return (value,) if isinstance(value, int) else value


class MaxSize(Scaled):
    """One side, or both, bounded; base of the two transforms below."""

    max_size: tuple[Pixels, ...] | None = None
    max_size_hw: tuple[Pixels | None, Pixels | None] | None = None
    p: Share = 1.0

    order = ("max_size", "max_size_hw", "interpolation", "mask_interpolation",
             "area_for_downscale", "p")  # fmt: skip
    order_1_3 = ("max_size", "interpolation", "p")
    defaults_1_3 = {"max_size": (1024,)}
    shorthand = {**Interpolated.shorthand, "max_size": _choices}
    _example = {"max_size": (30,)}

    def check(self) -> None:
        if not self.max_size and not any(self.max_size_hw or ()):
            raise SpecError(f"{type(self).__name__}: give max_size or max_size_hw")
        if self.max_size and self.max_size_hw:
            raise SpecError(f"{type(self).__name__}: give max_size or max_size_hw, not both")

    def draw(self, rng: Rng, targets: Targets) -> Params:
        if self.max_size is None:
            return {}
        return {"max_size": self.max_size[rng.integers(len(self.max_size))]}

    def _scales(self, params: Params, size: tuple[int, int]) -> list[float]:
        if "max_size" in params:
            return [params["max_size"] / length for length in size]
        assert self.max_size_hw is not None
        pairs = zip(self.max_size_hw, size, strict=True)
        return [bound / length for bound, length in pairs if bound is not None]


class LongestMaxSize(MaxSize):
    """Scale so that the longer side gets a length, and the shape stays.

    Args:
        max_size: the length in pixels, or several to choose from.
        max_size_hw: instead, the most height and the most width.
        area_for_downscale: average areas where the picture shrinks: of the ``image``, of
            ``image_mask`` both, or of none.

    Raises:
        SpecError: neither or both of the lengths are given.
    """

    def new_size(self, params: Params, size: tuple[int, int]) -> tuple[int, int]:
        scale = min(self._scales(params, size))
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


class SmallestMaxSize(MaxSize):
    """Scale so that the shorter side gets a length, and the shape stays.

    Args:
        max_size: the length in pixels, or several to choose from.
        max_size_hw: instead, the least height and the least width.
        area_for_downscale: average areas where the picture shrinks: of the ``image``, of
            ``image_mask`` both, or of none.

    Raises:
        SpecError: neither or both of the lengths are given.
    """

    def new_size(self, params: Params, size: tuple[int, int]) -> tuple[int, int]:
        scale = max(self._scales(params, size))
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
