"""Image-adaptive 3D LUTs: a few learned color tables, mixed anew for every picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np

from sfumato.color.color_table import ColorTable, lattice
from sfumato.color.lut_predictor import LutPredictor, shrunk
from sfumato.color.torch_tables import apply_tables, table_monotony, table_roughness
from sfumato.core.batch import Batch
from sfumato.core.bounds import Between
from sfumato.core.method import Method
from sfumato.core.sample import Sample
from sfumato.core.shapes import Image
from sfumato.core.tensors import Tensor, functional, nn, torch, uniform
from sfumato.errors import RangeError, SpecError

__all__ = ["AdaptiveLUT"]


class AdaptiveLUT(Method):
    """Learn to retouch: a small network mixes a few learned 3D LUTs for each picture.

    The network sees the picture at 256 x 256 and gives one weight for each table; the mixture
    is one table, and the picture is sent through it at its own size, so the cost at 4K is
    that of a lookup. The first table begins as the identity, the others as zero.

    With pairs (``training="paired"``) the loss is::

        mse(graded, target) + smooth (mean w² + sum roughness) + monotone sum falls

    Without pairs ``target`` is any good picture, and a critic tells graded pictures from good
    ones (Wasserstein distance with gradient penalty); the graded one stays near its input::

        critic: critic(graded) - critic(target) + penalty (|gradient| - 1)²
        main:   -critic(graded) + fidelity mse(graded, image) + the same terms of the tables

    The answer depends on the picture as a whole: it is not made for tiles.

    Args:
        tables: how many there are; 3 as published.
        size: entries along an edge; 33 as published.
        adaptive: False weighs nothing and learns one table for all pictures.
        training: with pairs or without.
        smooth: weight of the smoothness of tables and of small weights.
        monotone: weight of the monotony of tables.
        fidelity: without pairs, weight of staying near the input.
        penalty: without pairs, weight of the gradient penalty.

    Shape:
        reads ``image`` (n, 3, h, w) and for learning ``target``; writes ``image``.

    References:
        H. Zeng et al. Learning Image-Adaptive 3D Lookup Tables for High Performance Photo
        Enhancement in Real-Time. TPAMI, 2022. arXiv:2009.14468
        I. Gulrajani et al. Improved Training of Wasserstein GANs. NeurIPS, 2017.
        arXiv:1704.00028
    """

    _example = {"size": 9}

    def __init__(
        self,
        *,
        tables: Annotated[int, Between(1, 64)] = 3,
        size: Annotated[int, Between(2, 129)] = 33,
        adaptive: bool = True,
        training: Literal["paired", "unpaired"] = "paired",
        smooth: Annotated[float, Between(0.0)] = 1e-4,
        monotone: Annotated[float, Between(0.0)] = 10.0,
        fidelity: Annotated[float, Between(0.0)] = 1000.0,
        penalty: Annotated[float, Between(0.0)] = 10.0,
    ) -> None:
        super().__init__()
        if not adaptive and tables != 1:
            raise RangeError(
                f"AdaptiveLUT: {tables} tables that are never weighed are one",
                hint="set tables=1, or adaptive=True",
            )
        self.adaptive, self.learning = adaptive, training
        self.smooth, self.monotone = smooth, monotone
        self.fidelity, self.penalty = fidelity, penalty
        norms: Literal["all", "first"] = "all" if training == "paired" else "first"
        self.predictor = LutPredictor(tables=tables, norms=norms) if adaptive else None
        basis = torch.zeros(tables, 3, size, size, size)
        basis[0] = torch.from_numpy(np.ascontiguousarray(lattice(size).transpose(3, 0, 1, 2)))
        self.basis = nn.Parameter(basis)
        self.critic = LutPredictor(tables=1, norms="first") if training == "unpaired" else None

    def parts(self) -> Mapping[str, Iterable[nn.Parameter]]:
        own = [self.basis, *(self.predictor.parameters() if self.predictor is not None else ())]
        if self.critic is None:
            return {"main": own}
        return {"critic": self.critic.parameters(), "main": own}

    def weights(self, images: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Weigh the tables for each picture, (n, 3, h, w) to (n, tables)."""
        if self.predictor is None:
            return images.new_ones(len(images), 1)
        found: Tensor = self.predictor(images, rng)
        return found.float()

    def mixed(self, weights: Tensor) -> Tensor:
        """Mix the tables, (n, tables) to (n, 3, size, size, size)."""
        with torch.autocast(weights.device.type, enabled=False):
            flat = weights.float() @ self.basis.float().flatten(1)
        return flat.view(len(weights), *self.basis.shape[1:])

    def graded(self, images: Tensor, weights: Tensor) -> Tensor:
        """Send pictures through their mixtures; nothing is clipped."""
        return apply_tables(self.mixed(weights), images)

    def predict(self, batch: Batch, *, rng: torch.Generator | None = None) -> Batch:
        weights = self.weights(batch.image)
        return batch.but(image=self.graded(batch.image, weights).clamp(0.0, 1.0))

    @classmethod
    def from_published(cls, file: str | Path, *, entry: str | None = None, **settings: Any) -> Self:
        """See `sfumato.color.published_adaptive_lut`: ``predictor`` is the second file."""
        from sfumato.color.published_lut import (  # noqa: PLC0415 (it builds this)
            published_adaptive_lut,
        )

        if entry is not None or set(settings) != {"predictor"}:
            raise SpecError(
                "color.AdaptiveLUT: published ones are two files and nothing else",
                hint="the tables, and predictor= with the other (--set predictor=classifier.pth)",
            )
        found: Any = published_adaptive_lut(file, settings["predictor"])
        return found  # type: ignore[no-any-return]

    def predict_lut(self, picture: Sample | Image) -> ColorTable:
        """Choose the table for one picture, for a `.cube` file or for another size of it.

        Example:
            >>> method = AdaptiveLUT(size=5, tables=1, adaptive=False).eval()
            >>> method.predict_lut(np.zeros((4, 6, 3), np.uint8)) == ColorTable.identity(5)
            True
        """
        sample = picture if isinstance(picture, Sample) else Sample(picture)
        image = Batch.of([sample.but(target=None)]).image.to(self.basis.device)
        with torch.inference_mode():
            table = self.mixed(self.weights(image))[0]
        return ColorTable(table.permute(1, 2, 3, 0).cpu().numpy())

    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        if part == "critic":
            return self._loss_of_critic(batch, rng)
        weights = self.weights(batch.image, rng)
        graded = self.graded(batch.image, weights)
        terms: dict[str, Tensor] = {}
        if self.critic is None:
            terms["mse"] = functional.mse_loss(graded, batch.need("target").float())
        else:
            terms["fool"] = -self.critic(graded).float().mean()
            terms["near"] = self.fidelity * functional.mse_loss(graded, batch.image.float())
        size = (weights**2).mean() if self.predictor is not None else weights.new_zeros(())
        terms["smooth"] = self.smooth * (size + table_roughness(self.basis).sum())
        terms["monotone"] = self.monotone * table_monotony(self.basis).sum()
        return terms

    def _loss_of_critic(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        assert self.critic is not None, "there is no such part with pairs"
        with torch.no_grad():
            fake = shrunk(self.graded(batch.image, self.weights(batch.image, rng)))
        real = shrunk(batch.need("target").float())
        share = uniform((len(fake), 1, 1, 1), rng, fake.device)
        between = (share * real + (1.0 - share) * fake).requires_grad_()
        # The length of a gradient, taken once more, is no business of 16 bits.
        with torch.autocast(fake.device.type, enabled=False):
            (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        length = slope.flatten(1).norm(dim=1)
        return {
            "fake": self.critic(fake).float().mean(),
            "real": -self.critic(real).float().mean(),
            "penalty": self.penalty * ((length - 1.0) ** 2).mean(),
        }
