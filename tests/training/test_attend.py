"""The driver tells what workers say, and an interrupt becomes a save and an orderly end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from embedworks.training import attend
from embedworks.training.attend import Attendant
from embedworks.training.lookout import Note, Sign
from helpers.local_board import LocalBoard

PATIENCE_S = 30  # bounds a hang; nothing is measured


@pytest.fixture
def board(monkeypatch) -> LocalBoard:
    monkeypatch.setattr(attend.ray, "get", lambda answer: answer)
    monkeypatch.setattr(attend, "POLL_SECONDS", 0.01)
    return LocalBoard()


def test_lines_are_passed_on_and_stacks_go_to_a_file(board, tmp_path):
    told: list[str] = []
    attendant = Attendant(board, tmp_path, told.append)
    board.lookout.note("a line")
    board.lookout._notes.append(Note("nothing moves", "the stacks", is_hang=True))
    attendant.wait(lambda: None)
    assert told[0] == "a line"
    assert told[1] == attendant.last_hang == f"nothing moves (all stacks: {tmp_path / 'hang-0.txt'})"
    assert (tmp_path / "hang-0.txt").read_text() == "the stacks"


def test_what_the_run_raised_comes_out(board, tmp_path):
    def fit() -> None:
        raise RuntimeError("no use")

    with pytest.raises(RuntimeError, match="no use"):
        Attendant(board, tmp_path, print).wait(fit)


def interrupted(board: LocalBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the driver be interrupted while it asks for lines, once."""
    take, times = board.lookout.take_notes, iter([True])

    def first_interrupt() -> list[Note]:
        if next(times, False):
            raise KeyboardInterrupt
        return take()

    monkeypatch.setattr(board.lookout, "take_notes", first_interrupt)


def test_an_interrupt_lets_the_workers_save_and_end(board, tmp_path, monkeypatch):
    board.lookout.sign(Sign(0, 3, "waiting for data"))
    interrupted(board, monkeypatch)
    ended = threading.Event()

    def fit() -> None:
        while not board.lookout.sign(Sign(0, 3, "waiting for data")).stop:
            assert not ended.wait(0.01)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        Attendant(board, tmp_path, print).wait(fit)
    assert ended.is_set()


# In a process of its own: a real interrupt must not be able to fall into anything but the wait.
INTERRUPTED = """
import os, signal, sys, threading
from pathlib import Path
from embedworks.training import attend
from embedworks.training.lookout import Sign
from helpers.local_board import LocalBoard

attend.ray.get = lambda answer: answer
board, ended, waits = LocalBoard(), threading.Event(), threading.Event()
board.lookout.sign(Sign(0, 3, "waiting for data"))
take = board.lookout.take_notes

def noted():
    waits.set()
    return take()

def fit():
    waits.wait()
    os.kill(os.getpid(), signal.SIGINT)
    while not board.lookout.sign(Sign(0, 3, "waiting for data")).stop:
        ended.wait(0.01)
    ended.wait(0.5)  # the save
    ended.set()

board.lookout.take_notes = noted
try:
    attend.Attendant(board, Path("."), print).wait(fit)
except KeyboardInterrupt:
    sys.exit("the run was not awaited" if not ended.is_set() else None)
sys.exit("nothing was interrupted")
"""


def test_an_interrupt_while_it_only_waits_is_no_end_of_the_run():
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], env=variables, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "the workers save first" in done.stdout


def test_an_interrupt_before_the_first_step_does_not_wait(board, tmp_path, monkeypatch):
    interrupted(board, monkeypatch)
    never = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        Attendant(board, tmp_path, print).wait(lambda: never.wait(PATIENCE_S))
    assert not board.lookout.sign(Sign(0, 0, "start")).stop
    never.set()
