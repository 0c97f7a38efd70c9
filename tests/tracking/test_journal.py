from __future__ import annotations

import pytest

from embedworks.tracking.journal import Journal


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path / "job", "http://here")


def test_what_has_not_arrived_is_found_again_in_order(journal, tmp_path):
    ends = [journal.append({"run": "a", "metrics": [["loss", n, 1, n]]}) for n in range(4)]
    journal.arrived(ends[1])
    again = Journal(tmp_path / "job", "http://here").unsent()
    assert [entry["metrics"][0][1] for entry, _ in again] == [2, 3]
    assert [end for _, end in again] == ends[2:]


def test_a_line_that_a_kill_cut_off_is_dropped_and_the_next_is_whole(journal):
    journal.append({"run": "a", "tags": [["k", "v"]]})
    with journal.file.open("ab") as file:
        file.write(b'{"run": "a", "me')
    assert len(journal.unsent()) == 1
    journal.append({"run": "b", "tags": []})
    assert [entry["run"] for entry, _ in journal.unsent()] == ["a", "b"]


def test_another_server_has_another_journal(journal, tmp_path):
    journal.append({"run": "a", "tags": []})
    assert Journal(tmp_path / "job", "http://there").unsent() == []


def test_numbers_that_json_does_not_know_survive(journal):
    journal.append({"run": "a", "metrics": [["loss", float("nan"), 1, 1], ["x", float("inf"), 1, 1]]})
    ((entry, _),) = journal.unsent()
    assert entry["metrics"][0][1] != entry["metrics"][0][1]
    assert entry["metrics"][1][1] == float("inf")


def test_nothing_is_left_when_it_is_cleared(journal):
    journal.arrived(journal.append({"run": "a", "tags": []}))
    journal.clear()
    assert list(journal.file.parent.iterdir()) == []
