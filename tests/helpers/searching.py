"""An API that searches a small index in this process: no Ray, no socket."""

from __future__ import annotations

import json
from typing import Any

from embedworks.serving.asgi import Api
from embedworks.serving.gate import Gate
from embedworks.serving.metrics.meter import Meter
from embedworks.serving.searching.deployment import LocalIndex
from embedworks.serving.searching.metrics import IndexMeter
from embedworks.serving.searching.room import IndexRoom
from embedworks.serving.searching.settings import ServedIndex
from helpers.asgi import call
from helpers.indexes import SmallIndex

NEVER_S = 1e6  # between two looks: tests look themselves


def index_room(
    index: SmallIndex, name: str = "docs", meter: Meter | None = None, **settings: Any
) -> IndexRoom:
    """A room that looks for another version when it is told to."""
    served = ServedIndex(
        name=name, path=str(index.path), **{"follow_s": NEVER_S, "precision": "fp32"} | settings
    )
    return IndexRoom(served, meter=IndexMeter(name, meter or Meter()))


def search_api(
    index: SmallIndex, gate: Gate | None = None, name: str = "docs", **settings: Any
) -> tuple[Api, IndexRoom]:
    """An API with one index and no models, and the index's room; ``settings`` as of :func:`index_room`."""
    room = index_room(index, name, **settings)
    return Api({}, gate, indexes={name: LocalIndex(room)}), room


def search(
    api: Api, headers: dict[str, str] | None = None, **fields: Any
) -> tuple[int, Any, dict[str, str]]:
    """POST to ``/v1/search`` of the index ``docs``."""
    return call(api, "POST", "/v1/search", json.dumps({"index": "docs", **fields}).encode(), headers)
