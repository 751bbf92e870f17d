"""Losses that compare two pictures, or ask one to be smooth."""

from __future__ import annotations

from typing import cast

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import MissingExtraError, ShapeError

__all__ = ["charbonnier_loss", "ssim_loss", "total_variation"]

SSIM_SIDE_PX = 11


def charbonnier_loss(prediction: Tensor, target: Tensor, *, epsilon: float = 1e-3) -> Tensor:
    """Give the mean of ``sqrt(difference² + epsilon²)``: absolute error with a smooth bottom.

    Shape:
        equal shapes; returns a scalar.

    Raises:
        ShapeError: the shapes differ.

    References:
        P. Charbonnier, L. Blanc-Feraud, G. Aubert, M. Barlaud. Two Deterministic Half-Quadratic
        Regularization Algorithms for Computed Imaging. ICIP, 1994.
    """
    _check_pair(prediction, target, "charbonnier_loss")
    return torch.sqrt((prediction - target).square() + epsilon**2).mean()


def ssim_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Give 1 - SSIM: Gaussian window of 11 px and sigma 1.5, whole windows only, white at 1.

    Computed by torchmetrics, in single precision. It agrees with `measure.SSIM`, and can be
    followed by a gradient.

    Shape:
        (n, c, h, w) both, sides of at least 11 px; returns a scalar from 0 to 2.

    Raises:
        ShapeError: the shapes differ, or a side is shorter than the window.
        MissingExtraError: torchmetrics is not installed.

    References:
        Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli. Image Quality Assessment: From Error
        Visibility to Structural Similarity. IEEE TIP, 2004. doi:10.1109/TIP.2003.819861
    """
    _check_pair(prediction, target, "ssim_loss")
    if prediction.ndim != 4 or min(prediction.shape[-2:]) < SSIM_SIDE_PX:
        raise ShapeError(
            f"ssim_loss: expected (n, c, h, w) with sides of at least {SSIM_SIDE_PX} px, "
            f"got {tuple(prediction.shape)}"
        )
    try:
        from torchmetrics.functional.image import (  # noqa: PLC0415 (seconds, for one loss)
            structural_similarity_index_measure,
        )
    except ImportError as error:
        raise MissingExtraError(
            f"ssim_loss: torchmetrics cannot be imported: {error}",
            hint='pip install "sfumato[learn]"',
        ) from error
    with torch.autocast(prediction.device.type, enabled=False):
        # The map has a window at every pixel; those that reach beyond the picture are cut off.
        _, similarity = structural_similarity_index_measure(
            prediction.float(), target.float(), data_range=1.0, return_full_image=True
        )
    edge = SSIM_SIDE_PX // 2
    return 1.0 - cast("Tensor", similarity)[..., edge:-edge, edge:-edge].mean()


def total_variation(image: Tensor) -> Tensor:
    """Give the mean absolute step to the lower plus that to the right neighbour.

    Shape:
        (n, c, h, w), sides of at least 2 px; returns a scalar.

    Raises:
        ShapeError: another shape.

    References:
        L. Rudin, S. Osher, E. Fatemi. Nonlinear Total Variation Based Noise Removal Algorithms.
        Physica D, 1992. doi:10.1016/0167-2789(92)90242-F (here its anisotropic form)
    """
    if image.ndim != 4 or min(image.shape[-2:]) < 2:
        raise ShapeError(
            f"total_variation: expected (n, c, h, w) with sides of at least 2 px, "
            f"got {tuple(image.shape)}"
        )
    return image.diff(dim=-2).abs().mean() + image.diff(dim=-1).abs().mean()


def _check_pair(prediction: Tensor, target: Tensor, who: str) -> None:
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{who}: the prediction is {tuple(prediction.shape)}, the target {tuple(target.shape)}"
        )
