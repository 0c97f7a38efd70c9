"""Images run fast: decoded once, batched, in bfloat16 where the hardware has it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from embedworks.dual import DualEmbedder
from embedworks.inference.engine import Vectors
from embedworks.nn.image_tower import as_floats
from embedworks.nn.precision import Precision, choose_dtype

Pixels = NDArray[np.uint8]
MAX_IMAGES = 64

# Shape legend: N images, 3 channels, S x S pixels, D dimensions.


class ImageEngine:
    """Runs an image tower. Equal to :meth:`DualEmbedder.encode_images` up to the tower's precision.

    The tower computes in ``precision``, projection and normalisation are float32. One thread at a time may
    call it.

    Args:
        dual: What to run; it is put in eval mode.
        precision: ``bf16``, ``fp32``, or ``auto``: bf16 where the hardware multiplies it.
        device: Where to run; None leaves it where it is.

    Raises:
        InputError: for an unknown precision.
    """

    def __init__(
        self,
        dual: DualEmbedder,
        precision: Precision = "auto",
        device: str | torch.device | None = None,
    ) -> None:
        parameter = next(dual.image.parameters())
        self.device = torch.device(device) if device is not None else parameter.device
        self.dtype = choose_dtype(precision, self.device)
        self.dual = dual.eval()
        self.reader = dual.reader
        self._tower = dual.image
        if (parameter.dtype, parameter.device) != (self.dtype, self.device):
            # `.to` would convert the caller's own weights in place.
            self._tower = copy.deepcopy(dual.image).to(device=self.device, dtype=self.dtype)
        self._projection = dual.projection
        if self._projection is not None:
            self._projection = copy.deepcopy(self._projection).to(self.device, torch.float32)

    def encode(self, images: Sequence[bytes], *, dimensions: int | None = None) -> Vectors:
        """Embed the bytes of picture files: ``(N, D)`` float32, in order.

        Raises:
            InputError: for bytes that are no picture, or dimensions that there are not.
        """
        self.dual.text.check_pair(None, dimensions)
        pixels = [self.reader.read(data, f"image {i}") for i, data in enumerate(images)]
        return self.finish(self.vectors(pixels), dimensions)

    @torch.inference_mode()
    def vectors(self, pixels: Sequence[Pixels], max_images: int = MAX_IMAGES) -> Vectors:
        """``(N, D)`` projected vectors of ``(3, S, S)`` uint8 pixels, neither cut nor normalised."""
        parts = [np.empty((0, self.dual.dimensions), np.float32)]
        for start in range(0, len(pixels), max_images):
            batch_B3SS = torch.from_numpy(np.stack(pixels[start : start + max_images])).to(self.device)
            floats_B3SS = as_floats(batch_B3SS, self.dual.settings.mean, self.dual.settings.std)
            vectors_BD = self._tower(floats_B3SS.to(self.dtype)).float()
            if self._projection is not None:
                vectors_BD = self._projection(vectors_BD)
            parts.append(vectors_BD.cpu().numpy())
        return np.concatenate(parts)

    def finish(self, vectors_ND: Vectors, dimensions: int | None = None) -> Vectors:
        """Truncate, then normalise where the settings say so: ``(N, d)``."""
        return self.dual.text.finish(torch.from_numpy(vectors_ND), dimensions).contiguous().numpy()
