"""An autoencoder of diffusers in the place of our own."""

from __future__ import annotations

import logging
from typing import Any

from sfumato.core.tensors import Tensor, nn, torch
from sfumato.errors import RangeError

__all__ = ["PublishedCoder"]

log = logging.getLogger(__name__)


class PublishedCoder(nn.Module):
    """An autoencoder of diffusers, asked as ours is. Pictures go through it one by one.

    Args:
        vae: the network.
        tiled: in tiles where pictures are large.
    """

    def __init__(self, vae: Any, *, tiled: bool) -> None:
        super().__init__()
        self.vae = vae
        config = vae.config
        self.latents = int(config.latent_channels)
        self.multiple_of = 2 ** (len(config.block_out_channels) - 1)
        self.scale = float(config.scaling_factor)
        self._overflowed = False
        # A few checkpoints bring each channel of their codes to zero mean and unit spread.
        mean, spread = config.get("latents_mean"), config.get("latents_std")
        both = mean is not None and spread is not None
        self._mean = torch.tensor(mean).reshape(1, -1, 1, 1) if both else torch.zeros(())
        self._spread = torch.tensor(spread).reshape(1, -1, 1, 1) if both else torch.ones(())
        if tiled:
            vae.enable_tiling()

    def encode(self, pictures: Tensor) -> Tensor:
        """Give the means of the codes of pictures in 0..1, scaled."""
        return torch.cat([self._written(picture) for picture in torch.split(pictures, 1)])

    def decode(self, codes: Tensor) -> Tensor:
        """Give pictures in 0..1; what half precision cannot hold is done again in single.

        Raises:
            RangeError: codes or pictures are not finite.
        """
        if not bool(torch.isfinite(codes).all()):
            raise RangeError(
                "the U-Net answered with NaN or infinity",
                hint="in 16 bits try dtype='bfloat16' or 'float32'; else its weights are damaged",
            )
        kept = self.vae.dtype
        try:
            if self._overflowed:
                nn.Module.to(self.vae, torch.float32)
            return torch.cat([self._picture(code) for code in torch.split(codes, 1)])
        finally:  # its weights stay what they were, to the bit
            nn.Module.to(self.vae, kept)

    def _written(self, picture: Tensor) -> Tensor:
        found = self.vae.encode((2.0 * picture - 1.0).to(self.vae.dtype)).latent_dist.mode()
        code = torch.as_tensor(found).to(picture.dtype)
        return (code - self._mean.to(code)) / self._spread.to(code) * self.scale

    def _picture(self, code: Tensor) -> Tensor:
        read = self._read(code)
        if not bool(torch.isfinite(read).all()) and self.vae.dtype != torch.float32:
            log.warning("the autoencoder overflowed in %s, it is run in float32", self.vae.dtype)
            self._overflowed = True
            nn.Module.to(self.vae, torch.float32)  # its own warns of what is no danger here
            read = self._read(code)
        if not bool(torch.isfinite(read).all()):
            raise RangeError(
                "the autoencoder answered with NaN or infinity",
                hint="its weights are damaged: fetch the checkpoint again",
            )
        return ((read + 1.0) / 2.0).clamp(0.0, 1.0)

    def _read(self, code: Tensor) -> Tensor:
        given = code * self._spread.to(code) / self.scale + self._mean.to(code)
        given = given.to(self.vae.dtype)
        return torch.as_tensor(self.vae.decode(given, return_dict=False)[0]).to(code.dtype)
