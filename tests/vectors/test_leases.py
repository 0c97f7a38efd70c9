"""Versions that are read are not deleted."""

from __future__ import annotations

import os
import time
from pathlib import Path

from embedworks.vectors.leases import LASTS_S, READER, hold, is_held, release


def test_a_version_is_held_until_all_its_readers_are_done(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    for reader in ("a", "b", "a"):
        hold(tmp_path, reader)
    release(tmp_path, "a")
    assert is_held(tmp_path)
    release(tmp_path, "b")
    release(tmp_path, "b")
    assert not is_held(tmp_path)


def test_readers_that_ended_without_a_word_are_forgotten(tmp_path: Path) -> None:
    hold(tmp_path, "a")
    then = time.time() - LASTS_S - 1
    os.utime(tmp_path / f"{READER}a", (then, then))
    assert not is_held(tmp_path)
    hold(tmp_path, "a")
    assert is_held(tmp_path)


def test_nothing_is_said_where_nothing_can_be_written(tmp_path: Path) -> None:
    hold(tmp_path / "none", "a")
    release(tmp_path / "none", "a")
    assert not is_held(tmp_path / "none")
