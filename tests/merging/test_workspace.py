"""One merge at a time, and a name that is taken in one step."""

from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.merging.workspace import Workspace


def filled(space: Workspace, text: str) -> None:
    space.clear()
    (space.files / "a").write_text(text)
    space.note("digest")


def test_the_result_appears_and_the_workspace_goes(tmp_path):
    with Workspace(tmp_path / "out") as space:
        filled(space, "new")
        assert not (tmp_path / "out").exists()
        space.finish()
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/a").read_text() == "new"


def test_a_second_merge_into_the_same_folder_is_refused(tmp_path):
    with Workspace(tmp_path / "out"), pytest.raises(InputError, match="another merge is writing"):
        Workspace(tmp_path / "out").__enter__()
    with Workspace(tmp_path / "out"):
        pass  # the first has ended


def test_a_lock_whose_file_is_gone_is_taken_again(tmp_path):
    with Workspace(tmp_path / "out") as first:
        (first.root / "lock").unlink()
        with Workspace(tmp_path / "out") as second:
            assert (second.root / "lock").is_file()


def test_a_result_is_replaced_only_if_asked(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_text("old")
    with pytest.raises(InputError, match="is there already"):
        Workspace(tmp_path / "out").__enter__()
    with Workspace(tmp_path / "out", replace=True) as space:
        filled(space, "new")
        assert (tmp_path / "out/a").read_text() == "old"
        space.finish()
    assert (tmp_path / "out/a").read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_a_kill_between_two_names_loses_neither(tmp_path):
    with Workspace(tmp_path / "out") as space:
        filled(space, "new")
        (space.root / "replaced").mkdir()
        (space.root / "replaced/a").write_text("old")
    with Workspace(tmp_path / "out", replace=True) as space:
        assert (tmp_path / "out/a").read_text() == "old"
        assert space.holds("digest")
        assert (space.files / "a").read_text() == "new"


def test_another_digest_starts_anew(tmp_path):
    with Workspace(tmp_path / "out") as space:
        filled(space, "new")
        (space.root / "journal-0").write_text("x")
    with Workspace(tmp_path / "out") as space:
        assert space.holds("digest")
        assert not space.holds("another")
        space.clear()
        assert sorted(entry.name for entry in space.root.iterdir()) == ["files", "lock"]
        assert not space.holds("digest")
