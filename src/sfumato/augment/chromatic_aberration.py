"""Let a lens bend red and blue differently."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from sfumato.augment._hsv import refuse_other_channels
from sfumato.augment._targets import Params, Targets
from sfumato.augment._vocabulary import interpolation_word, symmetric
from sfumato.augment.downscale import FLAGS, Interpolation
from sfumato.augment.transform import PixelTransform
from sfumato.core.bounds import Between
from sfumato.core.opencv import cv2
from sfumato.core.operator import Rng
from sfumato.core.shapes import Image

__all__ = ["ChromaticAberration"]

Coefficient = Annotated[tuple[float, float], Between(-10.0, 10.0)]


class ChromaticAberration(PixelTransform):
    """Let a lens bend red and blue differently: each is distorted about the middle, green is not.

    A point at r from the middle, in widths and heights of the picture, is looked up at
    r (1 + k1 r^2 + k2 r^4).

    Args:
        primary_distortion_limit: k1 is drawn from here, for red and for blue.
        secondary_distortion_limit: k2, likewise.
        mode: whether red and blue are bent alike (``green_purple``) or against each other
            (``red_blue``); ``random`` draws one of both.
        interpolation: how values between pixels are found.

    Raises:
        ShapeError: the picture has not three channels.

    Example:
        >>> ChromaticAberration(p=1)(np.full((8, 8, 3), 9, np.uint8)).max()
        np.uint8(9)
    """

    primary_distortion_limit: Coefficient = (-0.02, 0.02)
    secondary_distortion_limit: Coefficient = (-0.05, 0.05)
    mode: Literal["green_purple", "red_blue", "random"] = "green_purple"
    interpolation: Interpolation = "linear"

    shorthand = {
        "primary_distortion_limit": symmetric,
        "secondary_distortion_limit": symmetric,
        "interpolation": interpolation_word,
    }
    channels = (3,)
    blind = True

    def draw(self, rng: Rng, targets: Targets) -> Params:
        limits = (self.primary_distortion_limit, self.secondary_distortion_limit)
        red, blue = ([rng.uniform(*limit) for limit in limits] for _ in range(2))
        against = self.mode == "red_blue" or (self.mode == "random" and rng.random() < 0.5)
        wanted = -1.0 if against else 1.0
        blue = [
            np.copysign(b, wanted * np.sign(a) if a != 0.0 else b).item()
            for a, b in zip(red, blue, strict=True)
        ]
        return {"red": red, "blue": blue}

    def change_image(self, image: Image, params: Params) -> Image:
        refuse_other_channels(image, "ChromaticAberration", (3,))
        height, width = image.shape[:2]
        camera = np.array(
            [[width, 0, width / 2.0], [0, height, height / 2.0], [0, 0, 1]], np.float32
        )
        out = image.copy(order="C")
        for channel, name in ((0, "red"), (2, "blue")):
            lens = np.array([*params[name], 0.0, 0.0], np.float32)
            columns, rows = cv2.initUndistortRectifyMap(
                camera, lens, None, camera, (width, height), cv2.CV_32FC1
            )
            bent = cv2.remap(
                cv2.extractChannel(image, channel), columns, rows, FLAGS[self.interpolation],
                borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
            cv2.insertChannel(bent, out, channel)
        return out
