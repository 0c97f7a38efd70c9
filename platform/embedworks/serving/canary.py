"""Which version of a model answers a request: a share of the clients gets the canary, each always the same.

Vectors of two versions are of two spaces. A client that stores some and compares them with others must get
one version, so the choice is of the client, not of the request: its API key, else what the request says in
``user``, else the header ``x-embedworks-client``. Who says none of them is never sent to a canary.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from embedworks.serving.shadow import Shadow
from embedworks.task import Answer, EmbeddingRequest

if TYPE_CHECKING:
    from embedworks.serving.asgi import AnyRoom

CLIENT_HEADER = b"x-embedworks-client"


def client_of(key: str | None, request: Any, headers: Mapping[bytes, bytes]) -> str | None:
    """Who asks, as far as it can be told.

    Args:
        key: Id of the API key that was used.
        request: A task's; it may have a ``user``.
        headers: Of the request.
    """
    if key:
        return f"key {key}"
    if user := getattr(request, "user", None):
        return f"user {user}"
    named = headers.get(CLIENT_HEADER)
    return f"client {named.decode('latin-1')}" if named else None


def takes_part(client: str | None, model: str, share: float) -> bool:
    """Whether a client is among the share. Who is stays when the share grows.

    >>> takes_part("user a", "docs", 1.0), takes_part(None, "docs", 1.0)
    (True, False)
    """
    if client is None:
        return False
    digest = hashlib.blake2b(f"{model}\n{client}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


class Split:
    """A model with a canary, a shadow, or both.

    Args:
        name: The model.
        room: Of the model.
        canary: Of the canary, and the share of clients it answers.
        shadow: What gets copies.
        canary_version: What the canary runs.
    """

    def __init__(
        self,
        name: str,
        room: AnyRoom,
        canary: tuple[AnyRoom, float] | None,
        shadow: Shadow | None,
        canary_version: str | None = None,
    ) -> None:
        self._name = name
        self.room = room
        self._canary = canary
        self.shadow = shadow
        self._canary_version = canary_version

    def chosen(self, client: str | None) -> AnyRoom:
        """The room that answers a client."""
        if self._canary and takes_part(client, self._name, self._canary[1]):
            return self._canary[0]
        return self

    async def answer(self, request: EmbeddingRequest) -> Answer:
        """Embed with the model, and give the shadow a copy when that is done."""
        if self.shadow is None:
            return await self.room.answer(request)
        started = time.perf_counter()
        answer = await self.room.answer(request)
        self.shadow.offer(request, answer, time.perf_counter() - started)
        return answer

    async def describe(self) -> dict[str, Any]:
        """The model as ``/v1/models`` lists it, with the canary's version."""
        card = await self.room.describe()
        if (
            self._canary is None
        ):  # which is not asked: a canary that is unwell must not look like an endpoint that is
            return card
        return card | {"embedworks": card["embedworks"] | {"canary": self._canary_version}}
