"""A pool: replicas that share many small models, of which each keeps the ones last asked for in memory."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from ray import serve

# Before any thread does: models that are opened side by side would find it half imported.
from transformers import AutoConfig, AutoModel  # noqa: F401

from embedworks.folder import has_image_tower, outline_embedder
from embedworks.serving.batcher import Closed
from embedworks.serving.calling import or_refusal
from embedworks.serving.config import Pool, Served
from embedworks.serving.metrics.reporting import Reporter
from embedworks.serving.models import describe_model
from embedworks.serving.protocol import Answer, ApiError, EmbeddingRequest
from embedworks.serving.room import Room


class Tenant:
    """A model in memory. Serve's multiplexing calls ``__del__`` of the one that has to go, itself.

    Args:
        room: The model.
        present: The rooms of all that are in memory; this one's is added, and taken out at the end.
    """

    def __init__(self, room: Room, present: set[Room]) -> None:
        self.room = room
        self._present = present
        present.add(room)

    def __del__(self) -> None:
        self._present.discard(self.room)
        self.room.close()


class PoolReplica:
    """The Serve deployment of a pool.

    Serve routes a request to a replica that has its model in memory, and counts and unloads models.

    Args:
        served: The pool's models.
        pool: How many of them a replica keeps.
    """

    def __init__(self, served: list[Served], pool: Pool) -> None:
        shares = {"num_cpus": pool.num_cpus, "num_gpus": pool.num_gpus}
        self.served = {model.name: model.model_copy(update=shares) for model in served}
        self.present: set[Room] = set()
        self.reporter = Reporter("room")

        @serve.multiplexed(max_num_models_per_replica=pool.models_in_memory)
        async def tenant(name: str) -> Tenant:
            # In a thread: those that are in memory go on answering.
            return Tenant(await asyncio.to_thread(Room.open, self.served[name]), self.present)

        self.tenant = tenant

    async def answer(self, request: EmbeddingRequest) -> Answer | ApiError:
        """Embed what was asked, or return the refusal; the model is loaded first if it is not there."""
        while True:
            tenant = await self.tenant(request.model)
            try:
                return await or_refusal(tenant.room.answer(request))
            except Closed:  # it was sent out between the two lines above
                continue

    async def describe(self, name: str) -> dict[str, Any]:
        """A model as ``/v1/models`` lists it, without loading it."""
        return await asyncio.to_thread(describe_folder, self.served[name])

    def check_health(self) -> None:
        """Serve replaces the replica when this raises."""
        for room in tuple(self.present):
            room.check()


@cache
def describe_folder(served: Served) -> dict[str, Any]:
    """A model as ``/v1/models`` lists it, without its weights."""
    modalities = ("text", "image") if has_image_tower(served.folder) else ("text",)
    return describe_model(outline_embedder(served.folder), served, modalities)
