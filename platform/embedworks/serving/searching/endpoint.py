"""The door's side of indexes: ``/v1/search`` and ``/v1/indexes``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from embedworks.errors import nearest
from embedworks.serving.gate import Visit
from embedworks.serving.http import VERSION_HEADER
from embedworks.serving.metrics.requests import RequestNote
from embedworks.serving.refusals import ECHOED, ApiError, shown
from embedworks.serving.searching.protocol import AnyIndex, Searched, SearchRequest, of_query
from embedworks.serving.searching.settings import label_of

SEARCH = "/v1/search"
INDEXES = "/v1/indexes"
PAGES = ("map", "questions")


class Indexes:
    """The indexes of an endpoint.

    Args:
        found: Name to room.
    """

    def __init__(self, found: Mapping[str, AnyIndex]) -> None:
        self._found = found

    def find(self, name: str) -> AnyIndex:
        """The room of an index.

        Raises:
            ApiError: 404, naming the nearest one.
        """
        if name not in self._found:
            raise unknown_index(name, list(self._found))
        return self._found[name]

    async def search(
        self,
        request: SearchRequest,
        visit: Visit,
        body_bytes: int,
        extra: dict[str, str],
        note: RequestNote,
    ) -> bytes:
        """Answer a search that was let in.

        Args:
            request: What is asked.
            visit: Of its key.
            body_bytes: Of the request.
            extra: Headers of the answer are added.
            note: Is told what was searched, and how it went.

        Raises:
            ApiError: where it is not answered.
            InputError: for queries or a limit that cannot be.
        """
        room = self.find(request.index)
        note.index, note.model = request.index, label_of(request.index)
        try:
            visit.reserve([request.embedding()], body_bytes)
        except ApiError as error:
            raise of_query(error) from None
        found: Searched | None = None
        try:
            found = await room.search(request)
        finally:
            visit.settle([found] if found else ())
        note.answers = [found]
        extra[VERSION_HEADER] = found.version
        return found.body

    async def describe(self) -> list[dict[str, Any]]:
        """All of them, as ``/v1/indexes`` lists them."""
        return list(await asyncio.gather(*(index.describe() for index in self._found.values())))

    async def card(self, path: str) -> dict[str, Any] | bytes | None:
        """What is at ``NAME``, ``NAME/map`` or ``NAME/questions``; None for another path.

        Raises:
            ApiError: 404 for an index that is not served.
        """
        name, slash, page = path.partition("/")
        if not slash:
            return await self.find(name).describe()
        return await self.find(name).page(page) if page in PAGES else None


def unknown_index(name: str, known: list[str]) -> ApiError:
    """404 naming the nearest index."""
    hint = nearest(name[:ECHOED], known)
    served = f"this endpoint serves {', '.join(known)}" if known else "this endpoint serves none"
    ending = f"; did you mean {hint!r}?" if hint else f"; {served}"
    message = f"the index {shown(name)} does not exist{ending}"
    return ApiError(404, message, param="index", code="index_not_found")
