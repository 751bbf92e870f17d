"""Losses of label maps: what class each pixel belongs to."""

from __future__ import annotations

from sfumato.core.tensors import Tensor, functional, torch
from sfumato.errors import RangeError, ShapeError

__all__ = ["cross_entropy", "dice_loss"]


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    class_weights: Tensor | None = None,
    ignore: int | None = None,
) -> Tensor:
    """Give the mean of ``-w log p`` of the true class over the pixels that count, over mean w.

    Where no pixel counts the loss is zero, not undefined, so that one empty crop does not end a
    training.

    Args:
        logits: one score for each class.
        labels: whole numbers from 0 to classes - 1, or `ignore`.
        class_weights: one for each class; None weighs all alike.
        ignore: label of pixels that do not count.

    Shape:
        ``logits`` (n, classes, h, w), ``labels`` (n, h, w), ``class_weights`` (classes,);
        returns a scalar.

    Raises:
        ShapeError: shapes that do not fit.
        RangeError: a label is none of the classes.
    """
    labels, counted = _checked(logits, labels, ignore, "cross_entropy")
    weights = class_weights
    if weights is not None:
        if weights.shape != (logits.shape[1],):
            raise ShapeError(
                f"cross_entropy: expected {logits.shape[1]} class weights, "
                f"got {tuple(weights.shape)}"
            )
        weights = weights.to(logits)
    each = functional.cross_entropy(logits, labels, weights, reduction="none")
    each = each.masked_fill(~counted, 0.0)
    worth = counted if weights is None else weights[labels] * counted
    total = worth.sum()
    return each.sum() / torch.where(total > 0, total, torch.ones_like(total))


def dice_loss(
    logits: Tensor, labels: Tensor, *, ignore: int | None = None, smooth: float = 1.0
) -> Tensor:
    """Give 1 - the mean over classes of ``(2 sum p t + smooth) / (sum p + sum t + smooth)``.

    p is the softmax of the logits, t is 1 where the label is that class; the sums run over the
    whole batch, and over pixels that count only. Classes that the labels do not have are left
    out of the mean, so that a rare class does not reward an empty answer.

    Args:
        logits: one score for each class.
        labels: whole numbers from 0 to classes - 1, or `ignore`.
        ignore: label of pixels that do not count.
        smooth: pixels added on both sides of the fraction.

    Shape:
        ``logits`` (n, classes, h, w), ``labels`` (n, h, w); returns a scalar from 0 to 1.

    Raises:
        ShapeError: shapes that do not fit.
        RangeError: a label is none of the classes.

    References:
        F. Milletari, N. Navab, S. Ahmadi. V-Net: Fully Convolutional Neural Networks for
        Volumetric Medical Image Segmentation. 3DV, 2016. arXiv:1606.04797
    """
    labels, counted = _checked(logits, labels, ignore, "dice_loss")
    classes = logits.shape[1]
    probability = logits.float().softmax(dim=1) * counted[:, None]
    truth = functional.one_hot(labels, classes).permute(0, 3, 1, 2) * counted[:, None]
    over = (0, 2, 3)
    both, given, true = (
        x.sum(dim=over) for x in (probability * truth, probability, truth.to(probability.dtype))
    )
    each = 1.0 - (2.0 * both + smooth) / (given + true + smooth).clamp_min(1e-12)
    present = true > 0
    count = present.sum().clamp_min(1)
    return each.masked_fill(~present, 0.0).sum() / count


def _checked(logits: Tensor, labels: Tensor, ignore: int | None, who: str) -> tuple[Tensor, Tensor]:
    """Return labels with 0 in place of what does not count, and what counts.

    Labels are looked at before they index anything: on a GPU a wrong one would end the process.
    """
    fitting = (len(logits), *logits.shape[2:])
    if logits.ndim != 4 or labels.shape != fitting:
        raise ShapeError(
            f"{who}: logits {tuple(logits.shape)} need labels {fitting}, got {tuple(labels.shape)}",
            hint="resize label maps with interpolation='nearest' only",
        )
    labels = labels.long()
    counted = torch.ones_like(labels, dtype=torch.bool) if ignore is None else labels != ignore
    labels = labels.masked_fill(~counted, 0)
    if labels.numel():
        low, high = (int(x) for x in labels.aminmax())
        if low < 0 or high >= logits.shape[1]:
            raise RangeError(
                f"{who}: the label {low if low < 0 else high} is none of the "
                f"{logits.shape[1]} classes 0 to {logits.shape[1] - 1}",
                hint="name the label of pixels that do not count (ignore=255), or add classes",
            )
    return labels, counted
