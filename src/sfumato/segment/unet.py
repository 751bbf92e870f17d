"""Say what each pixel shows, with a U-Net."""

from __future__ import annotations

from typing import Annotated, Literal

from sfumato.core.batch import Batch
from sfumato.core.bounds import Between
from sfumato.core.method import Method
from sfumato.core.tensors import Tensor, torch
from sfumato.errors import RangeError
from sfumato.nn.label_losses import cross_entropy, dice_loss
from sfumato.segment._unet_layers import UNetLayers

__all__ = ["UNet"]


class UNet(Method):
    """Label every pixel of a picture: down to the gist, up again to the outlines.

    At each of ``levels`` halvings two 3 x 3 convolutions double the channels; on the way up
    each step doubles the size, halves the channels, joins the features of the same size from
    the way down, and convolves twice. A 1 x 1 convolution gives the scores.

    The published form has ``channels_in=1, classes=2, width=64, levels=4, norm="none",
    padded=False`` and 31,030,658 parameters; the form in common use, ``width=64`` here, pads and
    normalises over the batch (31,037,698 for two classes of colour pictures). The default is a
    small one.

    Pictures of any size are answered in full: padded, they are continued to a multiple of
    ``2^levels`` at the bottom and the right; unpadded, on all sides by what the convolutions
    lose. By reflection, or where a picture is too small for that by repeating its edge.

    It learns by cross entropy, and by a soft Dice loss if asked, from the pixels of ``mask`` that
    count. `predict` writes ``scores``, probabilities that add up to 1, and ``mask``, the classes
    with the largest.

    Args:
        classes: number of classes; 1 stands for one thing against the rest, with one output and
            the labels 0 and 1.
        channels_in: channels of the pictures.
        width: channels of the first level.
        levels: number of halvings.
        norm: over the batch, or none.
        padded: keep the size in each convolution.
        skip: join features of the way down by concatenation, or by addition.
        up: a learned 2 x 2 transposed convolution as published, or bilinear interpolation and a
            1 x 1 convolution.
        ignore: label of pixels that do not count in learning.
        class_weights: weight of each class in the cross entropy; None weighs all alike.
        dice: weight of the Dice loss beside the cross entropy.

    Shape:
        ``image`` (n, channels_in, h, w); ``mask`` (n, h, w), ``scores`` (n, classes, h, w), with
        two scores for one class.

    Raises:
        ShapeError: pictures of other channels, or labels of another size.
        RangeError: labels that are none of the classes; class weights of another count.
        FieldError: there is no mask to learn from.

    Example:
        >>> import torch
        >>> unet = UNet(classes=3, width=4, levels=2).eval()
        >>> answer = unet.predict(Batch(torch.rand(1, 3, 10, 14)))
        >>> tuple(answer.mask.shape), tuple(answer.scores.shape)
        ((1, 10, 14), (1, 3, 10, 14))

    References:
        O. Ronneberger, P. Fischer, T. Brox. U-Net: Convolutional Networks for Biomedical Image
        Segmentation. MICCAI, 2015. arXiv:1505.04597
    """

    reads = ("image",)
    writes = ("mask", "scores")
    _example = {"classes": 2, "width": 4, "levels": 2}
    class_weights: Tensor | None

    def __init__(
        self,
        *,
        classes: Annotated[int, Between(1, 4096)] = 2,
        channels_in: Annotated[int, Between(1, 4096)] = 3,
        width: Annotated[int, Between(1, 1024)] = 16,
        levels: Annotated[int, Between(1, 8)] = 4,
        norm: Literal["batch", "none"] = "batch",
        padded: bool = True,
        skip: Literal["concat", "add"] = "concat",
        up: Literal["transposed", "bilinear"] = "transposed",
        ignore: int | None = None,
        class_weights: Annotated[tuple[float, ...], Between(0.0, 1e6)] | None = None,
        dice: Annotated[float, Between(0.0, 100.0)] = 0.0,
    ) -> None:
        super().__init__()
        self.layers = UNetLayers(
            channels_in,
            classes,
            width=width,
            levels=levels,
            norm=norm,
            padded=padded,
            skip=skip,
            up=up,
        )
        labels = max(2, classes)
        if class_weights is not None and len(class_weights) != labels:
            raise RangeError(
                f"UNet.class_weights: expected {labels} numbers, one for each label, "
                f"got {len(class_weights)}"
            )
        if ignore is not None and 0 <= ignore < labels:
            raise RangeError(
                f"UNet.ignore: {ignore} is one of the classes 0 to {labels - 1}",
                hint="give a label outside of them, such as 255 or -1",
            )
        self.ignore, self.dice = ignore, dice
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)
        self.multiple_of = 2**levels
        # Far enough that the middle of a tile sees all it would see in the picture.
        self.overlap_px = 8 * 2**levels

    def scores(self, image: Tensor) -> Tensor:
        """Give the logits of each label, two for one class.

        Shape:
            (n, channels_in, h, w) to (n, labels, h, w).
        """
        logits: Tensor = self.layers(image)
        if logits.shape[1] == 1:
            return torch.cat([torch.zeros_like(logits), logits], dim=1)
        return logits

    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        logits, labels = self.scores(batch.image).float(), batch.need("mask")
        weights = self.class_weights
        sure = cross_entropy(logits, labels, class_weights=weights, ignore=self.ignore)
        terms = {"cross_entropy": sure}
        if self.dice > 0:
            terms["dice"] = self.dice * dice_loss(logits, labels, ignore=self.ignore)
        return terms

    def predict(self, batch: Batch, *, rng: torch.Generator | None = None) -> Batch:
        scores = self.scores(batch.image).float().softmax(dim=1)
        return batch.but(scores=scores, mask=scores.argmax(dim=1))
