"""Words as tokens that a network can look at."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Annotated

from sfumato.core.bounds import Between
from sfumato.core.network import Network
from sfumato.core.tensors import Tensor, nn, torch
from sfumato.errors import SpecError

__all__ = ["WordEncoder"]

log = logging.getLogger(__name__)

Count = Annotated[int, Between(1, 100_000)]
WORD = re.compile(r"[^\W_]+")
NOTHING, UNKNOWN = 0, 1
REMEMBERED = 200_000


class WordEncoder(Network):
    """Encode captions of a small vocabulary, word by word.

    Each word is a vector that knows its place; a few layers of attention let words
    know each other, so that "red circle, blue square" is not "blue circle, red square".
    The empty caption has its own code: guidance compares with it.

    Args:
        words: the vocabulary, lower case; all other words are one unknown word.
        width: length of a token.
        length: tokens of a caption; longer ones are cut, and the log says so.
        layers: of attention.
        heads: of each.

    Shape:
        n captions to (n, length, width).

    Raises:
        SpecError: a word of the vocabulary is no lower-case word, or stands twice.

    Example:
        >>> encoder = WordEncoder(words=("red", "circle"), width=16, length=4)
        >>> encoder.tokens(["a red circle"]).tolist()
        [[1, 2, 3, 0]]
        >>> tuple(encoder(["red circle", ""]).shape)
        (2, 4, 16)
    """

    _example = {"words": ("red", "circle"), "width": 16, "length": 4, "heads": 2}

    def __init__(
        self,
        *,
        words: tuple[str, ...],
        width: Count = 128,
        length: Count = 16,
        layers: Annotated[int, Between(0, 100)] = 2,
        heads: Count = 4,
    ) -> None:
        super().__init__()
        odd = [w for w in words if not WORD.fullmatch(w) or w != w.lower() or words.count(w) > 1]
        if odd:
            raise SpecError(f"WordEncoder.words: {odd[0]!r} is no lower-case word, or stands twice")
        self.length, self.width = length, width
        self._numbers = {word: k + 2 for k, word in enumerate(words)}
        self._known: dict[str, list[int]] = {}
        self.words = nn.Embedding(len(words) + 2, width)
        self.places = nn.Parameter(0.02 * torch.randn(length, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True,
                norm_first=True,
            )
            for _ in range(layers)
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)

    def unknown(self, caption: str) -> list[str]:
        """Name the words of a caption that are not in the vocabulary."""
        return [word for word in WORD.findall(caption.lower()) if word not in self._numbers]

    def cut(self, caption: str) -> int:
        """Tell how many words of a caption are too many."""
        return max(0, len(WORD.findall(caption)) - self.length)

    def tokens(self, captions: Sequence[str]) -> Tensor:
        """Give the number of each word, (n, length); 0 is nothing, 1 an unknown word."""
        rows = torch.tensor([self._row(caption) for caption in captions], dtype=torch.int64)
        return rows.reshape(-1, self.length).to(self.places.device, non_blocking=True)

    def _row(self, caption: str) -> list[int]:
        if caption in self._known:  # training reads the same captions again and again
            return self._known[caption]
        if cut := self.cut(caption):
            log.warning("the caption has %d words too many, they are cut", cut)
        found = [self._numbers.get(word, UNKNOWN) for word in WORD.findall(caption.lower())]
        row = (found + [NOTHING] * self.length)[: self.length]
        if not cut and len(self._known) < REMEMBERED:
            self._known[caption] = row
        return row

    def forward(self, captions: Sequence[str]) -> Tensor:
        """Give the tokens of captions."""
        x = self.words(self.tokens(captions)) + self.places
        for layer in self.layers:
            x = layer(x)
        y: Tensor = self.norm(x)
        return y
