"""Text encoders of published checkpoints: one, or two side by side."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sfumato.core.tensors import Tensor, torch
from sfumato.errors import SpecError
from sfumato.generate.asked import Condition

__all__ = ["ClipPair", "ClipText"]

log = logging.getLogger(__name__)


class ClipText:
    """The text encoder of a checkpoint and its tokenizer.

    Args:
        tokenizer: of transformers.
        encoder: of transformers.
        name: how the encoder is called in an error.

    Raises:
        SpecError: the vocabulary of the tokenizer is not that of the encoder.
    """

    def __init__(self, tokenizer: Any, encoder: Any, name: str = "the text encoder") -> None:
        self.tokenizer, self.encoder = tokenizer, encoder
        own, wanted = len(tokenizer), encoder.config.vocab_size
        if own != wanted:
            raise SpecError(
                f"the tokenizer knows {own} words, {name} {wanted}",
                hint="tokenizer and text encoder must come from one checkpoint",
            )
        self.width = int(encoder.config.hidden_size)
        self.length = int(min(tokenizer.model_max_length, encoder.config.max_position_embeddings))

    @property
    def encoders(self) -> tuple[Any, ...]:
        """The networks."""
        return (self.encoder,)

    def cut(self, caption: str) -> int:
        """Tell how many tokens of a caption are too many."""
        return max(0, len(self.tokenizer(caption, verbose=False).input_ids) - self.length)

    def condition(self, captions: Sequence[str]) -> Condition:
        """Give what pictures with such captions shall show."""
        return Condition(context=self(captions))

    def nothing(self, count: int) -> Condition:
        """Give what stands for no caption at all: the empty one."""
        return self.condition([""] * count)

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """Give the tokens of captions, (n, length, width)."""
        found: Tensor = self.read(captions)[0]
        return found

    def read(self, captions: Sequence[str], **options: Any) -> Any:
        """Give all that the encoder says; the log tells where captions are cut."""
        for caption in captions:
            if cut := self.cut(caption):
                log.warning("the prompt is %d tokens too long, its end is cut", cut)
        asked = self.tokenizer(
            list(captions),
            padding="max_length",
            max_length=self.length,
            truncation=True,
            return_tensors="pt",
        )
        ids = asked.input_ids.to(self.encoder.device)
        masked = getattr(self.encoder.config, "use_attention_mask", False)
        mask = asked.attention_mask.to(ids.device) if masked else None
        return self.encoder(ids, attention_mask=mask, **options)


class ClipPair:
    """Two text encoders: their last tokens but one side by side, and one vector of the second.

    Args:
        first: gives tokens.
        second: gives tokens, and the whole caption as one vector.
        zeros: no caption is all zeros, and not the tokens of the empty caption.

    Raises:
        SpecError: their tokens are not equally many.
    """

    def __init__(self, first: ClipText, second: ClipText, *, zeros: bool) -> None:
        if first.length != second.length:
            raise SpecError(
                f"the text encoders read {first.length} and {second.length} tokens",
                hint="both must come from one checkpoint",
            )
        self.first, self.second, self.zeros = first, second, zeros
        self.width, self.length = first.width + second.width, first.length
        self.pooled_width = int(second.encoder.config.projection_dim)

    @property
    def encoders(self) -> tuple[Any, ...]:
        """The networks."""
        return (self.first.encoder, self.second.encoder)

    def cut(self, caption: str) -> int:
        """Tell how many tokens of a caption are too many."""
        return max(self.first.cut(caption), self.second.cut(caption))

    def condition(self, captions: Sequence[str]) -> Condition:
        """Give what pictures with such captions shall show."""
        first, second = (
            coder.read(captions, output_hidden_states=True) for coder in (self.first, self.second)
        )
        layers = (said.hidden_states[-2] for said in (first, second))
        return Condition(context=torch.cat(list(layers), dim=-1), pooled=second[0])

    def nothing(self, count: int) -> Condition:
        """Give what stands for no caption at all."""
        if not self.zeros:
            return self.condition([""] * count)
        like = next(self.second.encoder.parameters())
        return Condition(
            context=like.new_zeros(count, self.length, self.width),
            pooled=like.new_zeros(count, self.pooled_width),
        )

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """Give the tokens of captions, (n, length, width)."""
        context = self.condition(captions).context
        assert context is not None, "both encoders give tokens"
        return context
