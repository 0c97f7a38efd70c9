"""The journal never runs ahead of the data, and survives a line that was cut off."""

from __future__ import annotations

import threading

import pytest

from embedworks.merging import journal
from embedworks.merging.journal import Journal, read_journals


def test_data_is_on_disk_before_its_line_is_written(tmp_path):
    file = tmp_path / "journal-0"
    seen = []
    with Journal(file, lambda: seen.append(file.read_text())) as notes:
        notes.add({"unit": 3, "notes": ["k = 0 was raised to 1"]})
        assert file.read_text() == ""
    assert seen == [""]
    assert read_journals(tmp_path) == {3: {"unit": 3, "notes": ["k = 0 was raised to 1"]}}


def test_it_is_written_beside_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "SYNC_SECONDS", 0.01)
    synced = threading.Event()
    with Journal(tmp_path / "journal-0", synced.set) as notes:
        notes.add({"unit": 1})
        assert synced.wait(60)


def test_a_line_that_was_cut_off_does_not_count_and_does_not_spoil_the_next(tmp_path):
    (tmp_path / "journal-0").write_text('{"unit":1}\n{"unit":2}\n{"unit":1')
    assert sorted(read_journals(tmp_path)) == [1, 2]
    with Journal(tmp_path / "journal-0", lambda: None) as notes:
        notes.add({"unit": 7})
    assert sorted(read_journals(tmp_path)) == [1, 2, 7]


@pytest.mark.parametrize("rest", ["\0\0\0\0\n", "[1]\n", '{"unit":9}'])
def test_reading_ends_where_lines_end(tmp_path, rest):
    (tmp_path / "journal-0").write_text('{"unit":1}\n' + rest)
    assert sorted(read_journals(tmp_path)) == [1]


def test_all_journals_of_a_folder_count(tmp_path):
    for number in range(3):
        (tmp_path / f"journal-{number}").write_text(f'{{"unit":{number * 5}}}\n')
    assert sorted(read_journals(tmp_path)) == [0, 5, 10]


def test_a_disk_that_fails_fails_the_merge(tmp_path, monkeypatch):
    def fail() -> None:
        failed.set()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(journal, "SYNC_SECONDS", 0.01)
    failed = threading.Event()
    notes = Journal(tmp_path / "journal-0", fail)
    notes.__enter__()
    notes.add({"unit": 1})
    assert failed.wait(60)
    with pytest.raises(OSError, match="Input/output"):
        notes.__exit__(None, None, None)
    assert read_journals(tmp_path) == {}
