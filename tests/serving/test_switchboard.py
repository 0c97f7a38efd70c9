"""The door's ways to its rooms: kept where they stay, closed when nothing can be in them any more."""

from __future__ import annotations

import asyncio
from typing import Any

from embedworks.serving.canary import Split
from embedworks.serving.deployments import RemoteRoom
from embedworks.serving.plan import Route
from embedworks.serving.switchboard import Switchboard


class Handle:
    """A way to a deployment."""

    def __init__(self, name: str) -> None:
        self.deployment_name = name
        self.closed = False
        self.pooled: list[str] = []

    def options(self, multiplexed_model_id: str) -> Handle:
        self.pooled.append(multiplexed_model_id)
        return self

    @property
    def describe(self) -> Handle:
        return self

    async def remote(self, name: str) -> dict[str, str]:
        return {"id": name}

    async def shutdown_async(self) -> None:
        self.closed = True


def test_ways_that_stay_are_kept_and_those_that_lead_nowhere_are_closed_later() -> None:
    made: dict[str, Handle] = {}

    def find(name: str) -> Any:
        assert name not in made, "a way is opened once"
        made[name] = Handle(name)
        return made[name]

    async def run() -> None:
        board = Switchboard(find)
        first = board.connect({"docs": Route(room="one"), "code": Route(room="pool", pooled=True)}, 0.0)
        assert isinstance(first["docs"], RemoteRoom)
        assert made["pool"].pooled == [], "a handle with options wants the event loop of its calls"
        for _ in range(2):
            assert await first["code"].describe() == {"id": "code"}
        assert made["pool"].pooled == ["code"]
        board.connect({"docs": Route(room="two"), "code": Route(room="pool", pooled=True)}, 0.0)
        assert not made["one"].closed, "requests are in hand"
        while not made["one"].closed:
            await asyncio.sleep(0)
        assert not made["two"].closed
        assert not made["pool"].closed

    asyncio.run(run())


def test_a_shadow_keeps_its_numbers_while_it_is_the_same() -> None:
    async def run() -> None:
        board = Switchboard(Handle)  # type: ignore[arg-type]
        rooms = board.connect({"docs": Route(room="one", shadow=("two", 0.2))}, 0.0)
        split = rooms["docs"]
        assert isinstance(split, Split)
        assert split.shadow is not None
        split.shadow._counts["dropped"] = 7
        board.connect({"docs": Route(room="one", shadow=("two", 0.5), canary=("three", 0.1))}, 0.0)
        assert board.reports()["docs"]["dropped"] == 7
        assert split.shadow.share == 0.5
        board.connect({"docs": Route(room="one", shadow=("four", 0.5))}, 0.0)
        assert board.reports()["docs"]["dropped"] == 0
        board.connect({"docs": Route(room="one")}, 0.0)
        assert board.reports() == {}

    asyncio.run(run())


def test_what_sleeps_is_described_from_its_card() -> None:
    async def run() -> None:
        card = {"id": "docs"}
        rooms = Switchboard(Handle).connect({"docs": Route(room="one", card=card)}, 0.0)  # type: ignore[arg-type]
        assert await rooms["docs"].describe() == card

    asyncio.run(run())
