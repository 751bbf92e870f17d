"""Write words into boxes of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from sfumato.augment._dropout import inpaint
from sfumato.augment._targets import Params, Targets
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image, full_range
from sfumato.errors import FieldError, FileError, RangeError, ShapeError

__all__ = ["TextImage"]

Change = Literal["insertion", "swap", "deletion"] | None


class TextImage(PixelTransform):
    """Write words into boxes of a picture.

    The call gives the texts: ``textimage_metadata={"bbox": (x0, y0, x1, y1), "text": "..."}``,
    or a list of such, with the box in shares of width and height.

    Args:
        font_path: a TrueType or OpenType file; none for Pillow's own font.
        stopwords: what ``insertion`` inserts.
        augmentations: one is drawn for each text: insert words, swap two, delete some; none
            leaves the text as it is.
        fraction_range: the share of the texts that is written is drawn from here.
        font_size_fraction_range: height of the font over that of its box, drawn from here.
        font_color: red, green and blue, or one gray, 0 to 255.
        clear_bg: fill the box from its surroundings before.
        metadata_key: the name by which the call gives the texts.

    Raises:
        FileError: the font cannot be read.
        FieldError: the call gives no texts, or one without box.
        ShapeError: a color for another number of channels.

    Example:
        >>> said = {"bbox": (0.1, 0.1, 0.9, 0.9), "text": "hi"}
        >>> white = np.full((40, 40, 3), 255, np.uint8)
        >>> bool(TextImage(p=1)(image=white, textimage_metadata=said)["image"].min() < 100)
        True
    """

    font_path: str | Path | None = None
    stopwords: tuple[str, ...] = ("the", "is", "in", "at", "of")
    augmentations: tuple[Change, ...] = (None,)
    fraction_range: Annotated[tuple[float, float], Between(0.0, 1.0)] = (1.0, 1.0)
    font_size_fraction_range: Annotated[tuple[float, float], Between(1e-3, 1.0)] = (0.8, 0.9)
    font_color: Annotated[tuple[float, ...] | float, Between(0.0, 255.0)] = (0.0, 0.0, 0.0)
    clear_bg: bool = False
    metadata_key: str = "textimage_metadata"

    channels = (1, 3)

    def check(self) -> None:
        if not self.augmentations:
            raise RangeError("TextImage.augmentations: name at least one, or None")
        self._font(10)

    def _font(self, size: int) -> Any:
        if self.font_path is None:
            return ImageFont.load_default(size)
        try:
            return ImageFont.truetype(str(self.font_path), size)
        except OSError as error:
            raise FileError(f"TextImage.font_path: {self.font_path} is no font: {error}") from error

    def draw(self, rng: Rng, targets: Targets) -> Params:
        given = targets.extras.get(self.metadata_key)
        if given is None:
            return {"texts": []}
        given = [given] if isinstance(given, dict) else list(given)
        share = rng.uniform(*self.fraction_range)
        chosen = sorted(rng.permutation(len(given))[: round(len(given) * share)].tolist())
        texts = []
        for k in chosen:
            if "bbox" not in given[k] or "text" not in given[k]:
                raise FieldError(
                    f"TextImage: '{self.metadata_key}[{k}]' needs 'bbox' and 'text'",
                    hint="the box is x0 y0 x1 y1 in shares of width and height",
                )
            change = self.augmentations[int(rng.integers(len(self.augmentations)))]
            texts.append(
                {
                    "box": [float(v) for v in given[k]["bbox"][:4]],
                    "text": _changed(str(given[k]["text"]), change, self.stopwords, rng),
                    "size": rng.uniform(*self.font_size_fraction_range),
                }
            )
        return {"texts": texts}

    def change_image(self, image: Image, params: Params) -> Image:
        height, width, channels = image.shape
        color = np.atleast_1d(np.asarray(self.font_color, np.float32))
        if len(color) not in (1, channels) and channels != 1:
            raise ShapeError(f"TextImage.font_color: {len(color)} values for {channels} channels")
        color = color[:channels] * np.float32(full_range(image.dtype) / 255.0)
        out = image
        for text in params["texts"]:
            x0, y0, x1, y1 = text["box"]
            place = (round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height))
            if self.clear_bg:
                hidden = np.zeros((height, width), np.uint8)
                hidden[place[1] : place[3], place[0] : place[2]] = 1
                out = inpaint(out, hidden, "inpaint_telea")
            size = max(round((place[3] - place[1]) * text["size"]), 1)
            ink = self._ink((height, width), place, text["text"], size)[..., None]
            mixed = out * (1.0 - ink) + ink * color
            out = (mixed if image.dtype == np.float32 else np.rint(mixed)).astype(image.dtype)
        return out

    def _ink(
        self, size: tuple[int, int], place: tuple[int, int, int, int], text: str, points: int
    ) -> NDArray[np.float32]:
        """Give how much of each pixel the letters cover; they end at their box."""
        canvas = Pillow.new("L", (size[1], size[0]))
        ImageDraw.Draw(canvas).text(place[:2], text, font=self._font(points), fill=255)
        covered = np.asarray(canvas, np.float32) * np.float32(1.0 / 255.0)
        covered[:, place[2] :] = 0.0
        return covered


def _changed(text: str, change: Change, stopwords: tuple[str, ...], rng: Rng) -> str:
    words = text.split()
    if change is None or not words:
        return text
    if change == "insertion" and stopwords:
        for _ in range(max(len(words) // 5, 1)):
            word = stopwords[int(rng.integers(len(stopwords)))]
            words.insert(int(rng.integers(len(words) + 1)), word)
    elif change == "swap" and len(words) > 1:
        a, b = rng.permutation(len(words))[:2].tolist()
        words[a], words[b] = words[b], words[a]
    elif change == "deletion" and len(words) > 1:
        for k in sorted(rng.permutation(len(words))[: max(len(words) // 5, 1)], reverse=True):
            del words[k]
    return " ".join(words)
