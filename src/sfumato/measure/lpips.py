"""Learned perceptual image patch similarity."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.metric import Metric
from sfumato.core.shapes import Image
from sfumato.errors import ShapeError

if TYPE_CHECKING:
    from sfumato.measure._lpips_trunks import PerceptualDistance

__all__ = ["LPIPS"]

LEAST_PX = {"alex": 31, "vgg": 16, "squeeze": 17}
"""Below this the last feature map is empty, or a pooling sees nothing but border."""


class LPIPS(Metric):
    """Say how different two pictures look, by features of a network trained on photographs.

    Version 0.1. Both pictures, scaled to -1..1 and to the mean and spread of photographs,
    run through the convolutions of a classifier. After five (``squeeze``: seven) of its
    activations the feature vector y of every pixel is brought to unit length, and with
    non-negative weights w per channel, learned from what people found alike::

        sum over layers of  mean over pixels of  sum over channels of  w (y1 - y2)²

    Range 0 to infinity, in practice below 1.5; best 0. Lower is more alike. Values of
    different nets do not compare: name the net with the number. Flat pictures are
    defined. NaN is refused. Gray pictures are taken as three equal channels.

    The weights are not part of sfumato. The trunks are the published classifiers of
    torchvision, the heads those of the ``lpips`` package (its folder ``weights/v0.1``).
    Both load by their published names. The arithmetic agrees with ``lpips`` 0.1.4 to
    1e-6 on random trunks with its published heads, all three nets; published trunks
    were not at hand.

    Args:
        weights: the trunk: a file, a folder with it, or ``hub:owner/name[/file]``, as
            .safetensors or .pth. "random" takes seeded random filters instead: the
            arithmetic without the training, whose value must not be called LPIPS.
        net: ``alex`` is the fastest and the usual one for evaluation, ``vgg`` the usual
            one for training, ``squeeze`` the smallest.
        heads: the weights per channel, given likewise; None looks where ``weights`` is.
        device: where to compute, as torch calls it.

    Shape:
        prediction and target (h, w, 3), (h, w, 1) or (h, w), display values, sides of at
        least 31 px (alex), 16 px (vgg) or 17 px (squeeze).

    Raises:
        ShapeError: the shapes differ, a side is too small, or there are 2 or 4 channels.
        DtypeError: the dtypes differ.
        RangeError: NaN or infinity, or a device that is not there.
        FileError: weights are missing, damaged, or belong to another network.
        MissingExtraError: torch is not installed.

    Example:
        >>> picture = np.tile(np.arange(0, 256, 4, dtype=np.uint8)[:, None], (64, 1, 3))
        >>> metric = LPIPS(weights="random")
        >>> metric(picture, picture), bool(metric(255 - picture, picture) > 0)
        (0.0, True)

    References:
        R. Zhang, P. Isola, A. Efros, E. Shechtman, O. Wang. The Unreasonable Effectiveness
        of Deep Features as a Perceptual Metric. CVPR, 2018. arXiv:1801.03924
    """

    _example: ClassVar[dict[str, Any]] = {"weights": "random"}
    higher_is_better = False
    value_range = (0.0, math.inf)

    weights: str | Path
    net: Literal["alex", "vgg", "squeeze"] = "alex"
    heads: str | Path | None = None
    device: str = "cpu"

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        first, second = super().check_pair(prediction, target)
        height, width, channels = first.shape
        if channels not in (1, 3):
            raise ShapeError(
                f"LPIPS: the pictures have {channels} channels",
                hint="it knows color and gray: drop the alpha channel, image[..., :3]",
            )
        least = LEAST_PX[self.net]
        if min(height, width) < least:
            raise ShapeError(
                f"LPIPS: the pictures are {width} x {height} px, net '{self.net}' needs {least}",
                hint="enlarge both alike with raster.Resize, or use SSIM, which needs 11 px",
            )
        return first, second

    def score(self, prediction: Image, target: Image) -> float:
        return float(self._run(prediction, target, spatial=False)[0])

    def map(self, prediction: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float32]:
        """Give the distance at every pixel, as large as the picture.

        The layers are enlarged by straight lines and added. Coarse layers spread: the
        mean of the map is close to the score and not equal to it.

        Shape:
            as for the score; returns float32 (h, w, 1).
        """
        first, second = self.check_pair(prediction, target)
        return self._run(first, second, spatial=True)[0, 0, :, :, None]

    @functools.cached_property
    def _network(self) -> PerceptualDistance:
        from sfumato.measure._lpips_trunks import build  # noqa: PLC0415 (torch, where it is used)
        from sfumato.measure._torch import on_device  # noqa: PLC0415

        device = on_device(self.device, "LPIPS")
        return build(self.net, self.weights, self.heads).to(device)

    def _run(self, first: Image, second: Image, *, spatial: bool) -> NDArray[np.float32]:
        from sfumato.measure._torch import measuring, to_tensor  # noqa: PLC0415

        network = self._network
        device = network.shift.device
        with measuring():
            pair = [
                to_tensor(image[None], device).expand(-1, 3, -1, -1) for image in (first, second)
            ]
            distance = network(*pair, spatial=spatial)
        return np.asarray(distance.cpu().numpy(), np.float32)
