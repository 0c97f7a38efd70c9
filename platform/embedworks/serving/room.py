"""A room: one model of an endpoint, with its engine and its queue. Knows nothing of HTTP or Ray."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import Any, ClassVar, cast

import torch

from embedworks.dual import DualEmbedder
from embedworks.embedder import Embedder
from embedworks.errors import InputError, nearest
from embedworks.folder import has_image_tower, load_embedder, resolve_model
from embedworks.inference.engine import Engine, Vectors
from embedworks.inference.tokens import TokenIds
from embedworks.serving.batcher import Batcher, Inputs
from embedworks.serving.config import Served
from embedworks.serving.pairs import Size, choose_size
from embedworks.serving.protocol import Answer, ApiError, EmbeddingRequest, Part, Parts, Strings, bad_input

# Tokenising more than this would hold up the other requests of the event loop.
INLINE_CHARACTERS = 20_000


class Room:
    """Answers the embedding requests of one model.

    Args:
        embedder: The model.
        served: Its part of the endpoint's configuration.
    """

    modalities: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(self, embedder: Embedder, served: Served) -> None:
        device = "cuda" if served.num_gpus and torch.cuda.is_available() else None
        self.engine = Engine(embedder, served.precision, device)
        self.embedder = embedder
        self.served = served
        self.batcher = Batcher(self._compute, served.max_tokens_per_batch, served.max_waiting)

    @classmethod
    def open(cls, served: Served) -> Room:
        """Load the model in this process, which gives torch as many threads as it has CPUs."""
        torch.set_num_threads(max(1, int(served.num_cpus)))
        folder = served.folder if served.folder.is_dir() else resolve_model(served.source)
        if has_image_tower(folder):
            from embedworks.serving.image_room import ImageRoom

            return ImageRoom(DualEmbedder.load(folder), served)
        return cls(load_embedder(folder), served)

    @cached_property
    def description(self) -> dict[str, Any]:
        """The model as ``/v1/models`` lists it."""
        layers, dimensions = self.embedder.full_pair
        settings = self.embedder.settings
        extra = {
            "layers": layers,
            "dimensions": dimensions,
            "max_length": settings.max_length,
            "pairs": settings.pairs,
            "prompts": sorted(settings.prompts),
            "similarity": settings.similarity,
            "modalities": list(self.modalities),
        }
        about = {"id": self.served.name, "object": "model", "created": self.served.created}
        return {**about, "owned_by": "embedworks", "embedworks": extra}

    async def answer(self, request: EmbeddingRequest) -> Answer:
        """Embed what was asked.

        Raises:
            ApiError: where it cannot be: 400 for the request's fault, 429 when too much waits.
        """
        size = self._size(request)
        ids = await self._read(self._texts(request.inputs()), request)
        self._check_lengths(ids)
        vectors_ND = await self.batcher.submit(ids, size.layers)
        vectors_Nd = self.engine.finish(vectors_ND, size.dimensions)
        asked = request.layers is not None or request.dimensions is not None
        flag = size.flag() if asked or not size.trained else None
        return Answer(vectors_Nd, sum(map(len, ids)), flag)

    def check(self) -> None:
        """Raise if the room cannot answer any more, so that its replica is replaced."""
        if not self.batcher.alive:
            raise RuntimeError(f"the computing thread of {self.served.name!r} has ended")

    def _compute(self, ids: Inputs, layers: int) -> Vectors:
        return self.engine.pooled(
            cast(TokenIds, ids), layers=layers, max_tokens=self.served.max_tokens_per_batch
        )

    def _size(self, request: EmbeddingRequest) -> Size:
        try:
            self.embedder.check_pair(request.layers, None)
            self.embedder.check_pair(None, request.dimensions)
        except InputError as error:
            raise ApiError(400, str(error), param=error.what.partition("=")[0]) from None
        pairs, full = self.embedder.settings.pairs, self.embedder.full_pair
        return choose_size(request.layers, request.dimensions, pairs, full)

    async def _read(self, inputs: Strings | TokenIds | Parts, request: EmbeddingRequest) -> TokenIds:
        prompt = self._prompt(request.prompt_name)
        if isinstance(inputs[0], str):
            texts = cast(Strings, inputs)
            if sum(map(len, texts)) <= INLINE_CHARACTERS:
                return self.engine.tokens.whole(texts, prompt)
            return await asyncio.to_thread(self.engine.tokens.whole, texts, prompt)
        if prompt:
            raise ApiError(400, "a prompt cannot be put in front of token ids", param="prompt_name")
        ids = cast(TokenIds, inputs)
        self._check_vocabulary(ids)
        return ids

    def _texts(self, inputs: Strings | TokenIds | Parts) -> Strings | TokenIds:
        """Inputs without objects."""
        plain: Any = inputs
        if any(isinstance(one, Part) for one in inputs):
            if any(isinstance(one, Part) and one.image is not None for one in inputs):
                raise bad_input(f"the model {self.served.name!r} embeds texts alone; it cannot read images")
            plain = [one.text if isinstance(one, Part) else one for one in inputs]
        return cast("Strings | TokenIds", plain)

    def _prompt(self, name: str | None) -> str:
        prompts = self.embedder.settings.prompts
        if name is None:
            return ""
        if name not in prompts:
            hint = nearest(name, prompts)
            expected = f"did you mean {hint!r}?" if hint else f"expected one of {sorted(prompts)}"
            raise ApiError(400, f"the model has no prompt {name!r}; {expected}", param="prompt_name")
        return prompts[name]

    def _check_vocabulary(self, ids: TokenIds) -> None:
        limit = self.engine.tokens.vocabulary
        for row in ids:
            if min(row) < 0 or max(row) >= limit:
                raise bad_input(f"token ids must be those of this model's tokenizer, 0 to {limit - 1}")

    def _check_lengths(self, ids: TokenIds) -> None:
        limit = self.engine.tokens.max_length
        for i, row in enumerate(ids):
            if len(row) > limit:
                raise bad_input(
                    f"input {i} has {len(row)} tokens, special tokens included; "
                    f"this model reads at most {limit}, and nothing is cut off silently"
                )
