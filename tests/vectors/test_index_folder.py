from __future__ import annotations

import json
import threading
import time

import pytest

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.records import Size, VersionRecord, content_key, version_id
from embedworks.vectors.table import Table
from helpers.indexes import small_index, texts


def record(number, *, complete=True, **changes):
    facts = {"model": "m", "asked": "m", "folder": "m", "weights": "w", "corpus": "c", "split": "train"}
    facts |= {"corpus_digest": "d", "column": "text", "rows": 0, "created": float(number)}
    sizes = (Size(column="vector", layers=1, dimensions=4),)
    return VersionRecord(
        id=version_id(f"{number:012x}", "0" * 8), sizes=sizes, complete=complete, **(facts | changes)
    )


def test_a_pointer_moves_to_complete_versions_alone(tmp_path):
    index = IndexFolder.create(tmp_path / "docs")
    assert (index.record.name, index.current(), index.versions()) == ("docs", None, [])
    first, second = record(1), record(2, complete=False)
    index.write(first)
    index.write(second)
    index.switch(first.id)
    assert IndexFolder.open(tmp_path / "docs").current() == first
    with pytest.raises(InputError, match="is not complete"):
        index.switch(second.id)
    with pytest.raises(InputError, match=f"no version .*; expected one of {first.id}, {second.id}"):
        index.switch("000000000009-00000000")
    assert index.current() == first
    assert index.versions() == [first, second]


def test_what_is_there_keeps_its_versions_when_it_is_created_again(tmp_path):
    index = IndexFolder.create(tmp_path / "docs", "manual")
    index.write(record(1))
    index.switch(record(1).id)
    again = IndexFolder.create(tmp_path / "docs", "other")
    assert again.record.name == "manual"
    assert again.current() == record(1)


def test_old_versions_go_but_not_the_one_that_answers_nor_the_one_before_nor_what_grows(tmp_path):
    index = IndexFolder.create(tmp_path / "docs")
    for number in (1, 2, 3, 4, 6, 7):
        index.write(record(number))
    index.write(record(0, complete=False))  # given up before the one that answers was begun
    index.write(record(8, complete=False))
    index.switch(record(3).id)
    index.switch(record(4).id)
    gone = index.prune(keep=1)
    assert gone == [record(n).id for n in (0, 1, 2, 6)]
    assert [one.created for one in index.versions()] == [3, 4, 7, 8]
    assert sorted(path.name for path in (index.path / "versions").iterdir()) == [
        record(n).id for n in (3, 4, 7, 8)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[1, 2]", "an object|valid dictionary"),
        ('{"name": "docs", "format": 2}', "format: Input should be 1"),
        ('{"model": "bert"}', "name: Field required"),
        ("\xff\x00", "Invalid JSON|utf"),
    ],
)
def test_a_broken_or_foreign_index_gives_one_clear_error(tmp_path, text, message):
    (tmp_path / "index.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=message) as caught:
        Table.open(tmp_path)
    assert str(tmp_path / "index.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_index_and_an_index_without_a_version_say_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"nowhere is no folder; expected .*embedworks embed"):
        IndexFolder.open(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"has no index.json; expected .*embedworks embed"):
        IndexFolder.open(tmp_path)
    IndexFolder.create(tmp_path / "docs")
    with pytest.raises(InputError, match=r"no version of .* is complete yet"):
        Table.open(tmp_path / "docs")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="holds something else"):
        IndexFolder.create(tmp_path / "full")


def test_a_pointer_that_leads_nowhere_and_a_broken_record_are_named(tmp_path):
    index = IndexFolder.create(tmp_path / "docs")
    index.write(record(1))
    index.switch(record(1).id)
    file = index.folder(record(1).id) / "version.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "rows": -1}))
    with pytest.raises(InputError, match=r"version\.json: rows: .*greater than or equal to 0"):
        Table.open(index.path)
    file.unlink()
    with pytest.raises(InputError, match=f"no version '{record(1).id}'"):
        Table.open(index.path)


def test_a_newer_writer_may_say_more(tmp_path):
    index = IndexFolder.create(tmp_path / "docs")
    file = index.path / "index.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "colour": "red"}))
    assert IndexFolder.open(index.path).record.name == "docs"


def test_a_reader_keeps_its_version_through_a_switch_and_a_prune(tmp_path):
    index = small_index(tmp_path)
    old_model = Embedder.load(index.record.folder)
    queries = old_model.encode([row["text"] for row in texts()[:5]]).numpy()
    reader = Table.open(index.path)
    before = reader.search(queries, 5)
    index.add_version()
    index.folder.prune(1)
    late = Table(index.folder.folder(reader.record.id), reader.record)  # opens what is no longer pointed to
    for found in (reader.search(queries, 5), late.search(queries, 5)):
        assert [own.tolist() for own in found.ids] == [own.tolist() for own in before.ids]
        assert found.rows == before.rows
    new = Table.open(index.path)
    assert new.record.id != reader.record.id
    assert new.search(queries, 5).scores[0][0] < before.scores[0][0]  # another model's vectors
    index.add_version()
    assert index.folder.prune(1) == [reader.record.id]
    assert not index.folder.folder(reader.record.id).exists()


def test_the_pointer_is_whole_whenever_it_is_read(tmp_path):
    index = IndexFolder.create(tmp_path / "docs")
    for number in (1, 2):
        index.write(record(number))
    index.switch(record(1).id)
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            seen.add(IndexFolder.open(index.path).current().id)

    reader = threading.Thread(target=read)
    reader.start()
    end = time.monotonic() + 0.5
    while time.monotonic() < end or len(seen) < 2:
        for number in (2, 1):
            index.switch(record(number).id)
    stop.set()
    reader.join()
    assert seen == {record(1).id, record(2).id}


def test_sizes_are_named_by_what_they_are():
    assert Size.of(6, 384, full=(6, 384)).column == "vector"
    assert Size.of(6, 96, full=(6, 384)).column == "vector_6x96"
    assert str(Size.of(2, 96, full=(6, 384))) == "2x96"


def test_keys_are_of_the_content():
    assert content_key("né") == content_key("né".encode())
    assert content_key("a") != content_key("b")
    assert len(content_key(b"")) == 16
