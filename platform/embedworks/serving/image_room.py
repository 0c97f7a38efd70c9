"""A room of an embedder of texts and images: requests without an image take the way of texts alone."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image

from embedworks.dual import DualEmbedder
from embedworks.errors import InputError
from embedworks.inference.engine import Vectors
from embedworks.inference.images import MAX_IMAGES, ImageEngine, Pixels
from embedworks.serving.batcher import Batcher, Inputs
from embedworks.serving.checks import CheckFailed
from embedworks.serving.config import Served
from embedworks.serving.engines import image_precision
from embedworks.serving.protocol import Answer, ApiError, EmbeddingRequest, Part, bad_input
from embedworks.serving.refusals import too_large
from embedworks.serving.room import Room
from embedworks.transforms.images import picture_size

DATA_URI = re.compile(r"data:image/[\w.+-]+;base64,", re.ASCII)
WEB = re.compile(r"\w+://")
MAX_IMAGE_BYTES = 10 * 2**20
MAX_PIXELS = 40_000_000  # a small file may unfold to any size
MAX_REQUEST_PIXELS = 10 * MAX_PIXELS  # and many of them would hold up a thread for minutes

# Shape legend: N inputs, d dimensions.


class ImageRoom(Room):
    """Answers the embedding requests of one model for texts, images and both.

    Args:
        dual: The model.
        served: Its part of the endpoint's configuration.
    """

    modalities: ClassVar[tuple[str, ...]] = ("text", "image")

    def __init__(self, dual: DualEmbedder, served: Served) -> None:
        super().__init__(dual.text, served)
        self.images = ImageEngine(dual, image_precision(served.precision), self.engine.device)
        self.image_batcher = Batcher(self._see, MAX_IMAGES, served.max_waiting, cost=lambda _: 1)

    def close(self) -> None:
        """Take no more requests, and end when those in hand are answered."""
        super().close()
        self.image_batcher.close()

    def warm(self) -> None:
        """Run the image tower once.

        Raises:
            CheckFailed: where its vector makes no sense.
        """
        blank = io.BytesIO()
        Image.new("RGB", (32, 32), "white").save(blank, "png")
        seen_1D = self.images.vectors([self.images.reader.read(blank.getvalue(), "a blank picture")])
        if not np.isfinite(seen_1D).all():
            raise CheckFailed("the vector of an image is not finite")

    async def answer(self, request: EmbeddingRequest) -> Answer:
        """Embed what was asked.

        Raises:
            ApiError: where it cannot be: 400 for the request's fault, 429 when too much waits.
        """
        inputs = request.inputs()
        if not any(_is_image(one) for one in inputs):
            return await super().answer(request)
        return await self._mixed([_part(one) for one in inputs], request)

    def check(self) -> None:
        """Raise if the room cannot answer any more, so that its replica is replaced."""
        super().check()
        if not self.image_batcher.alive:
            raise RuntimeError(f"the thread that reads images for {self.served.name!r} has ended")

    async def _mixed(self, parts: list[Part], request: EmbeddingRequest) -> Answer:
        if request.layers is not None:
            raise ApiError(400, "an image has no layers to choose from", param="layers")
        size = self._size(request)
        self._check_dtype(request)
        texts = [part.text for part in parts if part.text is not None]
        ids = await self._read(texts, request) if texts else []
        pixels = await asyncio.to_thread(self._pixels, parts)
        seen_ND, read_ND = await asyncio.gather(
            self.image_batcher.submit(pixels, 0), self._read_vectors(ids, self.embedder.num_layers)
        )
        seen_Nd, read_Nd = (self.images.finish(found, size.dimensions) for found in (seen_ND, read_ND))
        vectors_Nd = self._combine(parts, seen_Nd, read_Nd)
        flag = size.flag() if request.dimensions else None
        tokens = sum(map(len, ids))
        return Answer(vectors_Nd, tokens, flag, self.embedder.settings.similarity, self.served.version)

    async def _read_vectors(self, ids: list[list[int]], layers: int) -> Vectors:
        if not ids:
            return np.empty((0, self.embedder.dimensions), np.float32)
        return await self.batcher.submit(ids, layers)

    def _combine(self, parts: Sequence[Part], seen_Nd: Vectors, read_Nd: Vectors) -> Vectors:
        """One vector an input, in order; of image and text their weighed sum."""
        seen, read = iter(seen_Nd), iter(read_Nd)
        rows = []
        for part in parts:
            image = next(seen) if part.image is not None else None
            text = next(read) if part.text is not None else None
            if image is not None and text is not None:
                rows.append(self._normalised(part.w_image * image + part.w_text * text))
            else:
                rows.append(image if image is not None else text)
        return np.stack(rows).astype(np.float32)

    def _normalised(self, vector_d: Any) -> Any:
        finished = self.embedder.finish(torch.from_numpy(vector_d[None]).float())
        return finished[0].numpy()

    def _pixels(self, parts: Sequence[Part]) -> list[Pixels]:
        found, unfolded = [], 0
        for number, part in enumerate(parts):
            if part.image is not None:
                data = image_bytes(part.image, number)
                try:
                    unfolded += _refuse_giants(data, number)
                    if unfolded > MAX_REQUEST_PIXELS:
                        message = f"the images of the request have more than {MAX_REQUEST_PIXELS} pixels"
                        raise too_large(message, param="input")
                    found.append(self.images.reader.read(data, f"input {number}"))
                except InputError as error:
                    raise bad_input(f"input {number} is no image that can be read: {error.what}") from None
        return found

    def _see(self, pixels: Inputs, _layers: int) -> Vectors:
        return self.images.vectors(pixels)


def image_bytes(text: str, number: int) -> bytes:
    """The file in a data URI, or in bare base64.

    Raises:
        ApiError: 400 for what is neither, or too large. Addresses are not fetched: a server that opens
            them for whoever asks can be sent anywhere.
    """
    prefix = DATA_URI.match(text)
    if prefix is None and (WEB.match(text) or text.startswith("data:")):
        expected = "a data URI (data:image/png;base64,...) or bare base64"
        raise bad_input(f"input {number} is an address, which is not fetched; expected {expected}")
    encoded = text[prefix.end() :] if prefix else text
    if len(encoded) * 3 // 4 > MAX_IMAGE_BYTES:
        raise too_large(
            f"the image of input {number} is larger than {MAX_IMAGE_BYTES} bytes", param="input"
        )
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_input(f"the image of input {number} is not base64: {error}") from None


def _is_image(one: Any) -> bool:
    if isinstance(one, str):
        return one.startswith("data:image/") and DATA_URI.match(one) is not None
    return isinstance(one, Part) and one.image is not None


def _part(one: Any) -> Part:
    """A text, a data URI or an object as an object."""
    if isinstance(one, Part):
        return one
    return Part(image=one) if _is_image(one) else Part(text=one)


def _refuse_giants(data: bytes, number: int) -> int:
    """The pixels of a file, which is not unfolded for that."""
    width, height = picture_size(data)
    if width * height > MAX_PIXELS:
        message = f"the image of input {number} has {width} x {height} pixels; at most {MAX_PIXELS}"
        raise too_large(message, param="input")
    return width * height
