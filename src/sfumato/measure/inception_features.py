"""The features that the published Fréchet and kernel distances are computed in."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sfumato.core.spec import Configured
from sfumato.errors import ShapeError

if TYPE_CHECKING:
    from sfumato.measure._inception import Inception
    from sfumato.measure._torch import Tensor

__all__ = ["InceptionFeatures"]

FILES = ("*inception-2015-12-05*.safetensors", "*inception-2015-12-05*.pth")


class InceptionFeatures(Configured):
    """Turn pictures into the 2048 features of the Inception network of 2015.

    An extractor for `FrechetDistance` and `KernelDistance`, which are then FID and KID.
    Each picture is resized to 299 x 299 px, scaled to -1..1 and run through the network
    up to its last average. How the picture is resized moves the result: "tensorflow" is
    what the first implementation and torch-fidelity do, "torch" what pytorch-fid does.
    Neither filters before it shrinks. State which with the number.

    The weights are not part of sfumato. The file of pytorch-fid
    (``pt_inception-2015-12-05-6726825d.pth``) and that of torch-fidelity
    (``weights-inception-2015-12-05-6726825d.pth``) both load as they are. The network agrees
    with that of torch-fidelity 0.4.0 to 1e-5 on random weights; the published weights were
    not at hand.

    Args:
        weights: a file, a folder with it, or ``hub:owner/name[/file]``, as .safetensors or
            .pth. "random" takes seeded random filters: features, but not those of FID.
        resize: which of the two ways to 299 x 299 px.

    Shape:
        called with a tensor (n, 3, h, w) or (n, 1, h, w), white at 1; gives (n, 2048).

    Raises:
        ShapeError: there are 2 or 4 channels.
        FileError: weights are missing, damaged, or belong to another network.
        MissingExtraError: torch is not installed.

    Example:
        >>> import torch
        >>> InceptionFeatures(weights="random")(torch.rand(1, 3, 64, 48)).shape
        torch.Size([1, 2048])

    References:
        C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna. Rethinking the Inception
        Architecture for Computer Vision. CVPR, 2016. arXiv:1512.00567
    """

    _example: ClassVar[dict[str, Any]] = {"weights": "random"}

    weights: str | Path
    resize: Literal["tensorflow", "torch"] = "tensorflow"

    def __call__(self, pictures: Tensor) -> Tensor:
        """Give the features of a batch of pictures."""
        from sfumato.measure._inception import SIDE_PX, resize_tensorflow  # noqa: PLC0415
        from sfumato.measure._torch import functional, measuring  # noqa: PLC0415

        if pictures.ndim != 4 or pictures.shape[1] not in (1, 3):
            raise ShapeError(
                f"InceptionFeatures: expected (n, 3, h, w), got {tuple(pictures.shape)}",
                hint="it knows color and gray: drop the alpha channel",
            )
        network = self._network.to(pictures.device)
        with measuring():
            x = pictures.expand(-1, 3, -1, -1)
            if self.resize == "tensorflow":
                # The first implementation took 0 to 255, and 128 for the middle.
                features: Tensor = network((resize_tensorflow(x * 255.0, SIDE_PX) - 128.0) / 128.0)
            else:
                features = network(
                    2.0 * functional.interpolate(x, (SIDE_PX,) * 2, mode="bilinear") - 1.0
                )
        return features

    @functools.cached_property
    def _network(self) -> Inception:
        from sfumato.core.weights import fit, locate, read_state  # noqa: PLC0415
        from sfumato.measure._inception import Inception  # noqa: PLC0415 (torch, where it is used)
        from sfumato.measure._torch import nn, torch  # noqa: PLC0415

        with torch.random.fork_rng(devices=[]):  # features must not move the caller's dice
            torch.manual_seed(0)
            network = Inception().eval().requires_grad_(False)
            for layer in network.modules() if self.weights == "random" else ():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if self.weights != "random":
            path = locate(self.weights, FILES, "InceptionFeatures")
            fit(network, read_state(path, "InceptionFeatures"), f"InceptionFeatures: {path}", ())
        return network
