"""How the room of an index goes over to another version, and does not."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from embedworks.errors import InputError
from embedworks.serving.checks import CheckFailed
from embedworks.serving.metrics.families import INDEX_FAILURES, INDEX_REPLICAS, INDEX_ROWS
from embedworks.serving.metrics.meter import Meter
from embedworks.serving.searching import room as rooms
from embedworks.serving.searching.checking import check_version
from embedworks.serving.searching.protocol import SearchRequest
from embedworks.serving.searching.room import IndexRoom
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.leases import is_held
from embedworks.vectors.maker import find_maker
from helpers.indexes import SmallIndex, small_index
from helpers.searching import index_room
from helpers.tiny import tiny_embedder

REQUEST = SearchRequest(index="docs", query="sort a list")


@pytest.fixture
def own(tmp_path: Path) -> SmallIndex:
    """An index that a test may change."""
    return small_index(tmp_path)


def version_of(room: IndexRoom) -> str:
    return asyncio.run(room.search(REQUEST)).version


def test_a_moved_pointer_is_followed_and_a_pointer_that_stays_is_not(own: SmallIndex) -> None:
    meter = Meter()
    room = index_room(own, meter=meter)
    first, opened = own.record, room.version
    room.look()
    assert room.version is opened
    second = own.add_version(switch=False)
    room.look()
    assert version_of(room) == first.id, "a version is not searched before the pointer moves"
    own.folder.switch(second.id)
    room.look()
    assert version_of(room) == second.id
    gauges = meter.snapshot().gauges
    assert gauges[INDEX_ROWS.name, ("docs", second.id)] == second.rows
    assert gauges[INDEX_REPLICAS.name, ("docs", second.id)] == 1
    assert (INDEX_ROWS.name, ("docs", first.id)) not in gauges
    state = room.state()
    assert (state["version"], state["rows"], state["trouble"]) == (second.id, second.rows, None)
    room.close()
    assert not meter.snapshot().gauges


def test_the_thread_follows_by_itself(own: SmallIndex) -> None:
    room = index_room(own, follow_s=0.01)
    second = own.add_version()
    deadline = time.monotonic() + 60
    while room.version.record.id != second.id:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    room.check()
    room.close()
    room._thread.join(10)
    with pytest.raises(RuntimeError, match=r"nothing follows|has ended"):
        room.check()


def test_requests_in_hand_finish_on_the_version_that_they_began_with(own: SmallIndex) -> None:
    room = index_room(own)
    first, held, release = own.record, threading.Event(), threading.Event()
    table = room.version.table
    search = table.search

    def slow(*args: Any, **options: Any) -> Any:
        held.set()
        assert release.wait(60)
        return search(*args, **options)

    table.search = slow  # type: ignore[method-assign]

    async def run() -> tuple[str, str]:
        old = asyncio.create_task(room.search(REQUEST))
        assert await asyncio.to_thread(held.wait, 60)
        second = own.add_version()
        await asyncio.to_thread(room.look)
        new = await room.search(REQUEST)
        assert new.version == second.id
        release.set()
        return (await old).version, new.version

    assert asyncio.run(run()) == (first.id, own.record.id)
    room.close()


def test_none_is_lost_while_versions_change_under_load(own: SmallIndex) -> None:
    room = index_room(own)
    ids = [own.record.id, own.add_version(switch=False).id]

    async def ask(until: asyncio.Event) -> list[str]:
        seen = []
        while not until.is_set():
            seen.append((await room.search(REQUEST)).version)
        return seen

    async def run() -> list[str]:
        until = asyncio.Event()
        clients = [asyncio.create_task(ask(until)) for _ in range(4)]
        for version in (ids[1], ids[0], ids[1]):
            own.folder.switch(version)
            await asyncio.to_thread(room.look)
        until.set()
        return [version for each in await asyncio.gather(*clients) for version in each]

    assert set(asyncio.run(run())) == set(ids)
    room.close()


def test_a_version_that_cannot_be_opened_leaves_the_old_one_and_is_told(
    own: SmallIndex, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = Meter()
    room = index_room(own, meter=meter)
    good = own.record
    broken = own.add_version(switch=False)
    weights = broken.folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(b"")
    own.folder.switch(broken.id)
    opened = []
    monkeypatch.setattr(room, "_open", lambda record, real=room._open: opened.append(1) or real(record))
    with caplog.at_level(logging.WARNING, "embedworks"):
        for _ in range(3):
            room.look()
    assert version_of(room) == good.id
    trouble = room.state()["trouble"]
    assert trouble["version"] == broken.id
    assert "is not the model that made the vectors" in trouble["reason"]
    assert len(opened) == 1, "it is not tried again at once"
    assert sum("cannot be opened" in record.message for record in caplog.records) == 1
    assert meter.snapshot().counters[INDEX_FAILURES.name, ("docs",)] == 1
    weights.write_bytes(content)
    monkeypatch.setattr(room, "_retry_at", 0.0)
    room.look()
    assert version_of(room) == broken.id
    assert room.state()["trouble"] is None
    room.close()


def test_pauses_between_attempts_grow(own: SmallIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    room = index_room(own, follow_s=100.0)
    broken = own.add_version()
    monkeypatch.setattr(room, "_open", lambda _: 1 / 0)
    pauses = []
    for _ in range(4):
        room._retry_at = 0.0
        room.look()
        pauses.append(room._pause_s)
    assert pauses == [100.0, 200.0, 300.0, 300.0]
    assert room.trouble is not None
    assert room.trouble.version == broken.id
    room.close()


def test_a_record_that_cannot_be_read_is_told_and_serving_goes_on(own: SmallIndex) -> None:
    room = index_room(own)
    good, file = own.record, own.path / "index.json"
    content = file.read_text()
    file.write_text("{")
    room.look()
    assert version_of(room) == good.id
    assert room.state()["trouble"]["version"] == ""
    file.write_text(content)
    room.look()
    assert room.state()["trouble"] is None
    room.close()


def test_a_replica_that_starts_anew_falls_back_to_a_version_that_opens(own: SmallIndex) -> None:
    good = own.record
    broken = own.add_version()
    (broken.folder / "model.safetensors").unlink()
    room = index_room(own)
    assert version_of(room) == good.id
    assert room.state()["trouble"]["version"] == broken.id
    room.close()
    (good.folder / "model.safetensors").unlink()
    with pytest.raises(InputError):
        index_room(own)


def test_the_version_that_answers_is_not_deleted_however_many_are_newer(own: SmallIndex) -> None:
    index, first, room = own, own.record, index_room(own)
    others = [index.add_version() for _ in range(3)]
    for broken in others:
        (broken.folder / "model.safetensors").rename(broken.folder / "away")
    room.look()
    assert room.version.record.id == first.id
    assert index.folder.prune() == [others[0].id]
    assert index.folder.folder(first.id).is_dir()
    (others[-1].folder / "away").rename(others[-1].folder / "model.safetensors")
    room._retry_at = 0.0
    room.look()
    assert room.version.record.id == others[-1].id
    assert index.folder.prune() == [first.id]
    assert is_held(index.folder.folder(others[-1].id))
    room.close()
    assert not is_held(index.folder.folder(others[-1].id))


def test_an_index_without_a_version_is_refused(tmp_path: Path) -> None:
    folder = IndexFolder.create(tmp_path / "empty", "docs")
    index = SmallIndex(folder.path, tmp_path, [])
    with pytest.raises(InputError, match="no complete version yet"):
        index_room(index)
    with pytest.raises(InputError, match="is no folder"):
        index_room(SmallIndex(tmp_path / "none", tmp_path, []))


def test_the_model_is_found_where_its_source_leads_and_told_from_others(
    own: SmallIndex, tmp_path: Path
) -> None:
    record = own.record
    assert find_maker(record) == record.folder
    moved = tmp_path / "moved"
    record.folder.rename(moved)
    assert find_maker(record, lambda source: moved if source == record.model else Path()) == moved
    other = tiny_embedder(tmp_path / "other", seed=9)
    with pytest.raises(InputError, match="is not the model that made the vectors"):
        find_maker(record, lambda _: other)


def test_vectors_of_another_model_do_not_pass_the_check(own: SmallIndex) -> None:
    room = index_room(own)
    second = own.add_version(switch=False)
    other = room._open(second)
    check_version(room.version.table, room.version.room)
    with pytest.raises(CheckFailed, match="the model is not that of the index"):
        check_version(room.version.table, other.room)
    other.close()
    room.close()


def test_reasons_are_one_line_and_not_too_long() -> None:
    assert rooms._reason(ValueError("a\nb")) == "ValueError: a"
    assert len(rooms._reason(ValueError("x" * 10_000))) == rooms.REASON_CHARACTERS
