"""Whether everything that is served answers, for ``/healthz``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec

from embedworks.serving.refusals import ApiError

TIMEOUT_S = 10.0

Cards = Awaitable[list[dict[str, Any]]]


async def health(models: Cards, indexes: Cards, tells_names: bool) -> bytes:
    """A :class:`.Health` as JSON.

    Args:
        models: What they say of themselves; asking fails where one cannot answer.
        indexes: The same.
        tells_names: Probes bring no key: where keys are asked for, they learn no more than they need.

    Raises:
        ApiError: 503 where one does not answer.
    """
    try:
        cards = await asyncio.wait_for(asyncio.gather(models, indexes), TIMEOUT_S)
    except Exception as error:
        detail = f": {error or type(error).__name__}" if tells_names else ""
        raise ApiError(503, f"not every model answers{detail}", kind="server_error") from error
    answer: dict[str, Any] = {"status": "ok"}
    if tells_names:
        for name, found in zip(("models", "indexes"), cards, strict=True):
            if found or name == "models":
                answer[name] = [card["id"] for card in found]
    return msgspec.json.encode(answer)
