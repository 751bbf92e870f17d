"""How an adapter is taught: the frozen diffusion's own objective, through the adapter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

from sfumato.adapt.fitting import check_fits
from sfumato.adapt.hint_adapter import HintAdapter
from sfumato.adapt.steer import Steer
from sfumato.core.batch import Batch
from sfumato.core.method import Method
from sfumato.core.tensors import Tensor, functional, nn, normal_like, torch
from sfumato.errors import ShapeError, SpecError
from sfumato.generate._published_unet import PublishedUNet
from sfumato.generate.asked import Asked
from sfumato.generate.diffusion import Diffusion
from sfumato.generate.find_diffusion import find_diffusion
from sfumato.generate.noise import Rngs
from sfumato.generate.process import DiffusionProcess
from sfumato.generate.residuals import Residuals
from sfumato.generate.schedule import CosineSchedule
from sfumato.generate.text import WordEncoder
from sfumato.generate.times import CubicTimes, TimeSampler, UniformTimes
from sfumato.generate.unet import UNet

__all__ = ["AdapterMethod", "Times"]

Times = Literal["uniform", "cubic"]
WORDS = ("red", "green", "circle", "square")
PUBLISHED_DECODER = tuple(
    f"network.unet.{name}" for name in ("up_blocks", "conv_norm_out", "conv_out")
)
"""What the paper unlocks, as diffusers calls it."""


class AdapterMethod(Method):
    """Teach an adapter to a diffusion that stays as it is.

    A subclass makes its ``adapter`` and calls `settle`. A batch needs ``hint`` beside what
    the diffusion learns from (``target`` or ``image``, and ``text`` or ``label``).

    A base given by name, and one that is a published checkpoint, is not saved with the
    adapter, only where it is; one that is given as a network of our own is saved. What
    learned along is saved in any case.
    """

    reads = ("image", "hint")
    practice_options = {"steps": 3}
    adapter: HintAdapter
    base: Diffusion

    def settle(
        self, base: Diffusion | str, *, times: Times, drop: float, unlocked: bool, recompute: bool
    ) -> None:
        """Take the base and freeze it, before the adapter is made from it.

        Raises:
            FileError: there is none of that name.
            SpecError: it is no diffusion, or cannot do what is asked for.
        """
        found = base if isinstance(base, Diffusion) else find_diffusion(base)
        self.base = found
        self.base_name = base if isinstance(base, str) else type(base).__name__
        found.requires_grad_(False)
        network: Any = found.network
        published = isinstance(network, PublishedUNet)
        learning = PUBLISHED_DECODER if published else ("network.decoder",)
        learning = learning if unlocked else ()
        if unlocked and next(network.parameters()).dtype != torch.float32:
            raise SpecError(
                f"{type(self).__name__}.unlocked: weights of 16 bits are too coarse to learn",
                hint="load the base with dtype float32; precision of the recipe may be bf16",
            )
        for name in learning:
            found.get_submodule(name).requires_grad_(True)
        if isinstance(base, str):
            self.elsewhere = tuple(f"base.{name}" for name, _ in found.named_children())
        self.kept = tuple(f"base.{name}" for name in learning)
        if recompute and not published:
            raise SpecError(
                f"{type(self).__name__}.recompute: {self.base_name} cannot work features out again",
                hint="bases of Stable Diffusion can; take smaller batches",
            )
        if recompute:
            network.unet.enable_gradient_checkpointing()
        kinds: dict[str, type[TimeSampler]] = {"uniform": UniformTimes, "cubic": CubicTimes}
        self.times = kinds[times](steps=len(found.process))
        self.drop = drop

    def fit_sides(self) -> None:
        """Check that base and adapter fit, and take over which sides both can halve.

        Raises:
            SpecError: they do not fit.
        """
        check_fits(self.adapter, self.base, type(self).__name__, self.base_name)
        self.multiple_of = math.lcm(self.base.multiple_of, self.adapter.multiple_of)

    def train(self, mode: bool = True) -> Self:
        """Switch the adapter; the base never drops out or learns its own times.

        Raises:
            SpecError: to learn, while the base is kept off the device.
        """
        if mode and getattr(self.base, "stage", None) is not None:
            raise SpecError(
                f"{type(self).__name__}.base: memory='offload' is for making pictures",
                hint="to learn in less memory: recompute: true, and a base in bfloat16",
            )
        super().train(mode)
        self.base.eval()
        return self

    def parts(self) -> Mapping[str, Iterable[nn.Parameter]]:
        """Give what learns: the adapter, and the base's decoder where it is unlocked."""
        return {"main": [p for p in self.parameters() if p.requires_grad]}

    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        hint = batch.need("hint")

        def steer(asked: Asked) -> Residuals:
            said: Residuals = self.adapter(hint, asked)
            return said

        return self.base.noised_loss(batch, rng, adapter=steer, times=self.times, drop=self.drop)

    def predict(
        self,
        batch: Batch,
        *,
        rng: Rngs | None = None,
        strength: float = 1.0,
        window: tuple[float, float] = (0.0, 1.0),
        guess_mode: bool = False,
        resize_hint: bool = False,
        adapters: Sequence[tuple[Any, float]] = (),
        **sampling: Any,
    ) -> Batch:
        """Make pictures that follow ``hint``, of the size of ``image``.

        Args:
            batch: the hints, and what `Diffusion.predict` reads.
            rng: one generator, or one for each picture.
            strength: of the hint; 0 leaves the base alone.
            window: part of the way in which the hint acts, see `Steer`.
            guess_mode: follow the hint without words, see `Steer`.
            resize_hint: bring a hint of another size to that of the picture.
            adapters: more of them, each with its strength.
            sampling: see `sfumato.generate.Sampling`, and `Diffusion.predict`.

        Raises:
            ShapeError: the hint has another size and may not be resized.
        """
        hint = batch.need("hint")
        wanted = batch.size
        if tuple(hint.shape[-2:]) != wanted:
            if not resize_hint:
                raise ShapeError(
                    f"{type(self).__name__}: the hint is {tuple(hint.shape[-2:])}, "
                    f"the picture {wanted}",
                    hint="resize_hint=True brings it to the size of the picture",
                )
            hint = functional.interpolate(hint, wanted, mode="area")
        steer = Steer(self.adapter, hint, window=window, guess_mode=guess_mode)
        with torch.no_grad():
            return self.base.predict(
                batch, rng=rng, adapters=((steer, strength), *adapters), **sampling
            )

    @classmethod
    def example_base(cls) -> Diffusion:
        """Build a small base, for checks."""
        text = WordEncoder(words=WORDS, width=16, length=4, layers=1, heads=2)
        network = UNet(channels=16, multipliers=(1, 2), blocks=1, groups=8, context=16)
        process = DiffusionProcess(schedule=CosineSchedule(steps=100))
        base = Diffusion(network=network, text=text, process=process)
        # The last layer of a new U-Net is zero: through it no adapter could learn anything.
        rng = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in base.parameters():
                parameter.add_(normal_like(parameter, rng), alpha=0.05)
        return base

    def practice_batch(self, size: tuple[int, int] = (32, 32), seed: int = 0) -> Batch:
        batch = super().practice_batch(size, seed)
        target = batch.need("target")
        hint = target[:, :1].expand(-1, self.adapter.hint_channels, -1, -1).contiguous()
        return batch.but(image=target, hint=hint, text=("a red circle", "a green square"))
