"""Diffusion as a method: a U-Net, what it learns from, and pictures from noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from sfumato.core.batch import Batch
from sfumato.core.bounds import Between
from sfumato.core.method import Method
from sfumato.core.tensors import Tensor, normal_like, seeded, torch, uniform
from sfumato.errors import FieldError, RangeError, ShapeError, SpecError
from sfumato.generate.asked import Adapter, Asked, Condition, residuals_of
from sfumato.generate.denoise import Denoise, Estimate, clipping, guidance, keeping
from sfumato.generate.levels import Level, Levels, sampling_levels
from sfumato.generate.likelihood import BitsPerDimension, bits_per_dimension
from sfumato.generate.noise import Rngs, draw_noise, generators
from sfumato.generate.objective import (
    Objective,
    Variance,
    diffusion_terms,
    split_variance,
    step_log_variance,
)
from sfumato.generate.process import DiffusionProcess, Target
from sfumato.generate.sampling import Sampling
from sfumato.generate.schedule import CosineSchedule
from sfumato.generate.text import WordEncoder
from sfumato.generate.times import CubicTimes, ImportanceTimes, TimeSampler, UniformTimes
from sfumato.generate.unet import UNet

__all__ = ["Diffusion"]

TIMES: dict[str, type[TimeSampler]] = {
    "uniform": UniformTimes,
    "cubic": CubicTimes,
    "importance": ImportanceTimes,
}
TOLD = 1000
"""Networks are told the noise as if every diffusion had so many steps."""


class Diffusion(Method):
    """Learn to take noise from pictures, and make pictures from noise alone.

    It learns from ``target`` where a batch has one, else from ``image``. What a picture
    shows comes from ``label`` (a network with classes) or ``text`` (a text encoder).

    Args:
        network: answers noisy pictures.
        process: which noise.
        target: what the network answers with.
        objective: squared error, that and the bound for the variance, or the bound.
        variance: of the ancestral sampler; ``learned`` needs a network that answers
            with twice the channels.
        times: which steps are learned from: all alike, noisy ones, or by their losses.
        min_snr: weighs the squared error, 5 is usual; None for none.
        text: encodes captions; it learns along.
        drop: share of pictures that are learned without their condition, which
            guidance needs; with classes, the last class stands for "none of them".
        clip: estimates of pictures are kept in range.

    Raises:
        SpecError: network, text and variance do not fit together.
    """

    def __init__(
        self,
        *,
        network: UNet,
        process: DiffusionProcess = DiffusionProcess(),  # noqa: B008 (it is frozen)
        target: Target = "velocity",
        objective: Objective = "simple",
        variance: Variance = "small",
        times: Literal["uniform", "cubic", "importance"] = "uniform",
        min_snr: Annotated[float, Between(0.01)] | None = None,
        text: WordEncoder | None = None,
        drop: Annotated[float, Between(0.0, 1.0)] = 0.0,
        clip: bool = True,
    ) -> None:
        super().__init__()
        self.network, self.text, self.process = network, text, process
        self.target: Target = target
        self.objective: Objective = objective
        self.variance: Variance = variance
        self.times = TIMES[times](steps=len(process))
        self.min_snr, self.drop, self.clip = min_snr, drop, clip
        self.multiple_of = network.multiple_of
        self.channels = int(network.config["channels_in"])
        self.time_scale = TOLD / process.schedule.steps
        self._check()

    @classmethod
    def example(cls) -> Self:
        """Build a small one, for checks."""
        network = UNet(channels=16, multipliers=(1, 2), blocks=1, groups=8)
        return cls(network=network, process=DiffusionProcess(schedule=CosineSchedule(steps=100)))

    def _check(self) -> None:
        config = self.network.config
        answers = config["channels_out"] or config["channels_in"]
        wanted = self.channels * (2 if self.variance == "learned" else 1)
        if answers != wanted:
            raise SpecError(
                f"{type(self).__name__}: the network answers with {answers} channels, "
                f"{wanted} are needed with variance={self.variance!r}"
            )
        width = None if self.text is None else self.text.width
        if config["context"] != width:
            raise SpecError(
                f"{type(self).__name__}: the network takes tokens of {config['context']}, "
                f"the text encoder gives {width}"
            )

    @property
    def device(self) -> torch.device:
        """Where it works, and where batches have to be."""
        return next(self.parameters()).device

    # What a latent model does otherwise.

    reduction: int = 1
    """How many pixels of a picture lie along one side of what the diffusion works on."""

    def codes(self, pictures: Tensor) -> Tensor:
        """Give what the diffusion works on, here pictures in -1..1."""
        return 2.0 * pictures - 1.0

    def pictures(self, codes: Tensor) -> Tensor:
        """Give pictures in 0..1."""
        return ((codes + 1.0) / 2.0).clamp(0.0, 1.0)

    def code_shape(self, batch: Batch) -> tuple[int, int, int, int]:
        """Tell the shape of the codes of a batch.

        Raises:
            ShapeError: sides that an autoencoder cannot halve often enough.
        """
        if any(side % self.reduction for side in batch.size):
            raise ShapeError(
                f"{type(self).__name__}: sides must be multiples of {self.multiple_of}, "
                f"got {tuple(batch.size)}",
                hint="sfumato.core.any_size.predict pads and crops",
            )
        height, width = (side // self.reduction for side in batch.size)
        return (len(batch), self.channels, height, width)

    def condition(self, batch: Batch, dropped: Tensor | None = None) -> Condition:
        """Give what the pictures of a batch shall show.

        Args:
            batch: its ``label`` and ``text``.
            dropped: for which pictures to forget it, (n,) bool.
        """
        label: Tensor | None = None
        if self.network.encoder.label is not None:
            label = batch.need("label")
            nothing = self.network.encoder.label.num_embeddings - 1
            strange = label[(label < 0) | (label > nothing)]
            if len(strange):
                raise RangeError(f"labels are classes from 0 to {nothing}, got {int(strange[0])}")
            if dropped is not None:
                label = torch.where(dropped.to(label.device), nothing, label)
        if self.text is None:
            return Condition(label)
        captions = batch.captions()
        if dropped is not None:
            forgotten = dropped.tolist()
            captions = tuple("" if f else c for c, f in zip(captions, forgotten, strict=True))
        return Condition(label, self.text(captions))

    # Learning.

    def loss(self, batch: Batch, part: str, rng: torch.Generator) -> dict[str, Tensor]:
        """Give the terms of the objective; see `noised_loss`."""
        return self.noised_loss(batch, rng)

    def noised_loss(
        self,
        batch: Batch,
        rng: torch.Generator,
        *,
        adapter: Adapter | None = None,
        times: TimeSampler | None = None,
        drop: float | None = None,
    ) -> dict[str, Tensor]:
        """Noise the pictures, ask the network, and compare.

        Args:
            batch: pictures, and what they show.
            rng: where all randomness comes from.
            adapter: steers the network: what an adapter learns through.
            times: which steps; None takes the method's own.
            drop: share without condition; None takes the method's own.
        """
        wanted = batch.image if batch.target is None else batch.target
        clean = self.codes(wanted)
        sampler = self.times if times is None else times
        t, weights = sampler.draw(len(clean), rng)
        t, weights = t.to(clean.device), weights.to(clean.device)
        noise = normal_like(clean, rng)
        share = self.drop if drop is None else drop
        forget = uniform((len(clean),), rng, clean.device) < share if share > 0 else None
        condition = self.condition(batch, forget)
        x = self.process.diffuse(clean, t, noise)
        asked = Asked(x, self.told(t), condition)
        output = self.answer(asked, None if adapter is None else adapter(asked))
        terms = diffusion_terms(
            self.process,
            output.float(),
            clean.float(),
            t,
            noise.float(),
            target=self.target,
            objective=self.objective,
            variance=self.variance,
            min_snr=self.min_snr,
        )
        if self.training:
            sampler.learn(t, sum(terms.values(), torch.zeros_like(weights)))
        return {name: (term * weights).mean() for name, term in terms.items()}

    def told(self, t: Tensor) -> Tensor:
        """Give what the network is told at steps of the process."""
        times = torch.from_numpy(self.process.times).float().to(t.device)
        return times[t] * self.time_scale

    def answer(self, asked: Asked, residuals: Any = None) -> Tensor:
        """Ask the network."""
        given = asked.condition
        found: Tensor = self.network(
            asked.x, asked.times, label=given.label, context=given.context, residuals=residuals
        )
        return found

    # Making pictures.

    def levels(self, how: Sampling) -> Levels:
        """Give the levels that a sampler visits."""
        return sampling_levels(self.process, how.steps, spacing=how.spacing)

    def usual_sampling(self) -> dict[str, Any]:
        """Say how it samples where nothing else is said, as settings of `Sampling`."""
        return {}

    def denoiser(
        self,
        condition: Condition,
        without: Condition | None = None,
        *,
        sampling: Sampling,
        levels: Levels,
    ) -> Denoise:
        """Give the denoiser of a condition, guided away from another where it is given."""

        def denoise(x: Tensor, level: Level) -> Estimate:
            doubled = without is not None
            both = condition.after(without) if without is not None else condition
            asked = Asked(
                torch.cat([x, x]) if doubled else x,
                torch.full(
                    (len(x) * (1 + doubled),),
                    level.time * self.time_scale,
                    device=x.device,
                ),
                both,
                unguided=len(x) if doubled else 0,
                progress=sum(v.time > level.time for v in levels.visited) / len(levels),
            )
            output = self.answer(asked, residuals_of(sampling.adapters, asked)).float()
            share: Tensor | None = None
            if self.variance == "learned":
                output, share = split_variance(output, self.channels)
            if doubled:
                unguided, guided = output.chunk(2)
                output = guidance(unguided, guided, sampling.guidance, rescale=sampling.rescale)
                share = None if share is None else share.chunk(2)[1]
            return Estimate(level.clean_from(self.target, output, x), share)

        return clipping(denoise) if self.clip else denoise

    @torch.no_grad()
    def predict(
        self,
        batch: Batch,
        *,
        rng: Rngs | None = None,
        negative: str | Sequence[str] = "",
        fill_in: bool = False,
        **sampling: Any,
    ) -> Batch:
        """Make pictures of the size of ``image``.

        Args:
            batch: the size, and what the pictures shall show; with a ``strength`` below 1
                the picture to start from.
            rng: one generator, or one for each picture; on the CPU a seed means the
                same picture on every device.
            negative: what they shall not show, with guidance.
            fill_in: make only what lies in ``mask``, and keep the rest of ``image``.
            sampling: see `Sampling`.
        """
        how = self._sampling(sampling)
        dice = seeded(None) if rng is None else rng
        levels = self.levels(how)
        start = levels.from_strength(how.strength)
        noise = draw_noise(self.code_shape(batch), dice, batch.image)
        x = noise
        if how.strength < 1:
            first = start.visited[0]
            x = first.alpha * self.codes(batch.image) + first.sigma * noise
        without = self._without(batch, negative) if how.guidance != 1.0 else None
        denoise = self.denoiser(self.condition(batch), without, sampling=how, levels=start)
        if fill_in:
            denoise = keeping(denoise, self.codes(batch.image), self._kept(batch, x))
        made = self.pictures(how.run(denoise, x, start, dice))
        if fill_in:
            made = torch.where(batch.need("mask")[:, None] > 0, made, batch.image)
        return batch.but(image=made)

    def _sampling(self, asked: dict[str, Any]) -> Sampling:
        usual = {"steps": Sampling.steps, **self.usual_sampling()}
        usual["steps"] = min(usual["steps"], len(self.process))
        return Sampling.told({**usual, **asked})

    def _without(self, batch: Batch, negative: str | Sequence[str]) -> Condition:
        if self.text is None and self.network.encoder.label is None:
            raise FieldError(
                f"{type(self).__name__}: guidance needs a condition, and this network has none",
                hint="guidance=1",
            )
        given = (negative,) * len(batch) if isinstance(negative, str) else tuple(negative)
        if len(given) != len(batch):
            raise ShapeError(
                f"{len(batch)} pictures need as many negative texts, got {len(given)}",
                hint="one text serves all of them: negative='dark'",
            )
        everything = torch.ones(len(batch), dtype=torch.bool)
        if self.text is None or not any(given):
            return self.condition(batch, everything)
        label = self.condition(batch.but(text=("",) * len(batch)), everything).label
        return Condition(label, self.text(given))

    def _kept(self, batch: Batch, x: Tensor) -> Tensor:
        mask = (batch.need("mask") > 0).to(x.dtype)[:, None]
        # A code that sees any pixel of the mask is made anew.
        return 1.0 - torch.nn.functional.adaptive_max_pool2d(mask, x.shape[-2:])

    def generate(
        self,
        text: str | Sequence[str] = "",
        *,
        size: tuple[int, int],
        count: int = 1,
        seed: int = 0,
        label: int | None = None,
        **options: Any,
    ) -> Batch:
        """Make ``count`` pictures of each text; picture k has the seed ``seed + k``.

        Args:
            text: one caption, or several.
            size: height and width in pixels, multiples of ``multiple_of``.
            count: how many of each.
            seed: of the first picture.
            label: the class of all pictures.
            options: see `predict`.

        Raises:
            RangeError: no picture is asked for, or there is no such class.
            FieldError: a class is asked for, and the network knows none.
        """
        texts = (text,) if isinstance(text, str) else tuple(text)
        captions = tuple(c for c in texts for _ in range(count))
        n = len(captions)
        if n == 0:
            raise RangeError(
                f"generate: {count} pictures of each of {len(texts)} texts are none",
                hint="text='' makes pictures of no text",
            )
        if label is not None and self.network.encoder.label is None:
            raise FieldError(f"{type(self).__name__}: its network knows no classes, got {label=}")
        labels = None if label is None else torch.full((n,), label, device=self.device)
        batch = Batch(torch.zeros(n, 3, *size, device=self.device), text=captions, label=labels)
        return self.predict(batch, rng=generators(seed, n), **options)

    def bits(self, batch: Batch, rng: torch.Generator) -> BitsPerDimension:
        """Bound what pictures cost under this model, in bits a value (8-bit pictures)."""
        condition = self.condition(batch)

        def believe(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            asked = Asked(x, self.told(t.to(x.device)), condition)
            output = self.answer(asked).float()
            share: Tensor | None = None
            if self.variance == "learned":
                output, share = split_variance(output, self.channels)
            clean = self.process.clean_from(self.target, output, x, t.to(x.device))
            return clean, step_log_variance(self.process, self.variance, share, t, x)

        return bits_per_dimension(self.process, believe, self.codes(batch.image), rng)
