"""A room: one model of an endpoint, with its engine and its queue. Knows nothing of HTTP or Ray."""

from __future__ import annotations

import asyncio
import time
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, cast

import torch

from embedworks.dual import DualEmbedder
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import has_image_tower, load_embedder, resolve_model
from embedworks.inference.engine import Vectors
from embedworks.inference.tokens import TokenIds
from embedworks.serving.batcher import Batcher, Inputs
from embedworks.serving.checks import check_room
from embedworks.serving.config import Served
from embedworks.serving.engines import open_engine
from embedworks.serving.limits import MAX_CHARACTERS
from embedworks.serving.metrics.families import LOAD_SECONDS
from embedworks.serving.metrics.meter import METER
from embedworks.serving.metrics.rooms import RoundMeter
from embedworks.serving.models import describe_model
from embedworks.serving.pairs import Size, choose_size, refuse_untrained
from embedworks.serving.prompts import choose_prompt
from embedworks.serving.protocol import Answer, ApiError, EmbeddingRequest, Part, Parts, Strings, bad_input
from embedworks.serving.refusals import too_large
from embedworks.serving.stopwatch import Stopwatch
from embedworks.transforms.templates import average

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
        self.engine, self.likeness = open_engine(embedder, served)
        self.embedder = embedder
        self.served = served
        self.meter = RoundMeter(served.name)
        self.batcher = Batcher(
            self._compute,
            served.max_tokens_per_batch,
            served.max_waiting,
            told=self.meter,
            spent=lambda: (self.engine.real_tokens, self.engine.computed_tokens),
        )
        self.meter.watch(self.batcher)

    @classmethod
    def open(cls, served: Served) -> Room:
        """Load, warm and check the model in this process, and give torch its threads.

        Raises:
            CheckFailed: for a model whose vectors make no sense.
        """
        started = time.perf_counter()
        torch.set_num_threads(served.threads or max(1, int(served.num_cpus)))
        folder = served.folder if served.folder.is_dir() else resolve_model(served.source)
        room = cls._load(folder, served)
        check_room(room)
        METER.observe(LOAD_SECONDS, (served.name,), time.perf_counter() - started)
        return room

    @classmethod
    def _load(cls, folder: Path, served: Served) -> Room:
        if has_image_tower(folder):
            from embedworks.serving.image_room import ImageRoom

            return ImageRoom(DualEmbedder.load(folder), served)
        return cls(load_embedder(folder), served)

    def warm(self) -> None:
        """Run what texts alone do not."""

    @cached_property
    def description(self) -> dict[str, Any]:
        """The model as ``/v1/models`` lists it."""
        running = {
            "backend": self.engine.backend.name,
            "precision": self.engine.precision,
            "cosine": self.likeness.rounded() if self.likeness else None,
        }
        return describe_model(self.embedder, self.served, self.modalities, running)

    async def answer(self, request: EmbeddingRequest) -> Answer:
        """Embed what was asked.

        Raises:
            ApiError: where it cannot be: 400 for the request's fault, 413 for an input that is too long,
                429 when too much waits.
        """
        size = self._size(request)
        self._check_dtype(request)
        watch = Stopwatch(size.layers)
        inputs = self._texts(request.inputs())
        ids = await self._read(inputs, request)
        watch.read()
        vectors_ND = await self.batcher.submit(ids, size.layers, watch)
        vectors_ND = average(vectors_ND, len(ids) // len(inputs))
        vectors_Nd = self.engine.finish(vectors_ND, size.dimensions)
        asked = request.layers is not None or request.dimensions is not None
        flag = size.flag() if asked or not size.trained else None
        settings, tokens = self.embedder.settings, sum(map(len, ids))
        about = (settings.dimension_names[: size.dimensions], settings.calibration)
        work = (watch.work(),)
        return Answer(vectors_Nd, tokens, flag, settings.similarity, self.served.version, work, *about)

    def check(self) -> None:
        """Raise if the room cannot answer any more, so that its replica is replaced."""
        if not self.batcher.alive:
            raise RuntimeError(f"the computing thread of {self.served.name!r} has ended")

    def close(self) -> None:
        """Take no more requests, and end when those in hand are answered."""
        self.batcher.close()
        self.meter.close()

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
        size = choose_size(request.layers, request.dimensions, pairs, full)
        if self.served.sizes == "trained":
            refuse_untrained(size, (request.layers, request.dimensions), pairs, full)
        return size

    def _check_dtype(self, request: EmbeddingRequest) -> None:
        if request.dtype in ("int8", "uint8") and not self.embedder.settings.normalize:
            message = f"{request.dtype} is of unit vectors, and those of this model have other lengths"
            raise ApiError(400, f"{message}; expected float32, binary or ubinary", param="dtype")

    async def _read(self, inputs: Strings | TokenIds | Parts, request: EmbeddingRequest) -> TokenIds:
        """Token ids of the inputs, none of them too long."""
        settings = self.embedder.settings
        prompt = choose_prompt(request, settings.prompts, settings.instructions)
        cut = self.served.truncate if request.truncate is None else request.truncate
        if isinstance(inputs[0], str):
            ids = await self._tokenise(cast(Strings, inputs), prompt, cut)
        else:
            if request.prompt_name or request.instruction:
                param = "prompt_name" if request.prompt_name else "instruction"
                raise ApiError(400, "a prompt cannot be put in front of token ids", param=param)
            ids = cast(TokenIds, inputs)
            self._check_vocabulary(ids)
            if cut:
                ids = [row[: self.engine.tokens.max_length] for row in ids]
        self._check_lengths(ids)
        return ids

    async def _tokenise(self, texts: Strings, prompt: str, cut: bool) -> TokenIds:
        tokenise = self.engine.tokens.cut if cut else self.engine.tokens.whole
        if sum(map(len, texts)) + len(texts) * len(prompt) <= INLINE_CHARACTERS:
            return tokenise(texts, prompt)
        longest = max(map(len, texts))
        if longest > MAX_CHARACTERS:  # a data URI, which the door takes for an image
            raise too_large(f"a text has {longest} characters; expected at most {MAX_CHARACTERS}", "input")
        return await asyncio.to_thread(tokenise, texts, prompt)

    def _texts(self, inputs: Strings | TokenIds | Parts) -> Strings | TokenIds:
        """Inputs without objects."""
        plain: Any = inputs
        if any(isinstance(one, Part) for one in inputs):
            if any(isinstance(one, Part) and one.image is not None for one in inputs):
                raise bad_input(f"the model {self.served.name!r} embeds texts alone; it cannot read images")
            plain = [one.text if isinstance(one, Part) else one for one in inputs]
        return cast("Strings | TokenIds", plain)

    def _check_vocabulary(self, ids: TokenIds) -> None:
        limit = self.engine.tokens.vocabulary
        for row in ids:
            if min(row) < 0 or max(row) >= limit:
                raise bad_input(f"token ids must be those of this model's tokenizer, 0 to {limit - 1}")

    def _check_lengths(self, ids: TokenIds) -> None:
        limit = self.engine.tokens.max_length
        for i, row in enumerate(ids):
            if not row:
                raise bad_input(f"input {i} has no tokens for this model")
            if len(row) > limit:
                raise too_large(
                    f"input {i} has {len(row)} tokens, special tokens included; "
                    f"this model reads at most {limit}, and cuts off what is beyond if `truncate` says so",
                    param="input",
                    code="context_length_exceeded",
                )
