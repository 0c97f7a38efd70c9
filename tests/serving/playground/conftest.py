"""A real endpoint over two tiny indexes and a tiny model, and pages of a browser that look at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import pytest

from embedworks.serving.asgi import Api
from embedworks.serving.gate import Gate
from embedworks.serving.searching.deployment import LocalIndex
from embedworks.serving.tasks import builtin_tasks
from helpers.asgi import tiny_api
from helpers.browser import chromium
from helpers.indexes import SmallIndex, small_index
from helpers.searching import index_room
from helpers.snippets import listening
from helpers.tiny import tiny_model

EXPECTED = ("the server responded with a status of", "net::ERR_INTERNET_DISCONNECTED")


@dataclass(frozen=True)
class Endpoint:
    """What is served, and where."""

    address: str
    api: Api
    rooms: dict[str, Any]
    indexes: dict[str, Any]
    folders: dict[str, SmallIndex]

    def get(self, path: str) -> Any:
        """What the API answers to GET."""
        with urlopen(f"{self.address}/{path}") as answer:
            return json.load(answer)

    def post(self, path: str, **body: Any) -> Any:
        """What the API answers to POST."""
        headers = {"content-type": "application/json"}
        with urlopen(Request(f"{self.address}/{path}", json.dumps(body).encode(), headers)) as answer:
            return json.load(answer)

    def found(self, query: str, index: str = "docs", **size: int) -> list[dict[str, Any]]:
        """The ten best hits, those of equal text as one."""
        hits = self.post("v1/search", index=index, query=query, limit=30, **size)["data"][0]["hits"]
        by_text = {hit["row"]["text"]: hit for hit in reversed(hits)}
        return sorted(by_text.values(), key=hits.index)[:10]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Closed with each file: while playwright runs, nothing else in the process can run an event loop."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("playground")
    folders = {name: small_index(folder, name, seed=seed) for name, seed in (("docs", 0), ("other", 7))}
    rooms = [index_room(index, name) for name, index in folders.items()]
    indexes = {room.index.name: LocalIndex(room) for room in rooms}
    local, model = tiny_api(tiny_model())
    api = Api(local._rooms, indexes=indexes)
    with listening(api) as address:
        yield Endpoint(address, api, dict(local._rooms), indexes, folders)
    model.close()
    for room in rooms:
        room.close()


@pytest.fixture
def open_page(browser: Any, endpoint: Endpoint) -> Iterator[Callable[..., Any]]:
    """Opens pages; afterwards nothing was asked of another server, and no script failed.

    Whatever a test changed of the endpoint is undone.
    """
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def opened(
        hash_: str = "", *, width: int = 1280, scheme: str = "light", wait: str = "#columns", **options: Any
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{endpoint.address}/{hash_}")
        page.locator(wait).wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    endpoint.api.configure(Gate(), builtin_tasks())
    endpoint.api.serve(endpoint.rooms, endpoint.indexes)
    assert [text for text in said if not any(part in text for part in EXPECTED)] == []
    assert {url for url in asked if not url.startswith(endpoint.address)} == set()
