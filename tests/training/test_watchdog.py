"""The watchdog hears orders for its worker, and ends it where no step ends."""

from __future__ import annotations

import threading

import pytest

from embedworks.training import watchdog
from embedworks.training.lookout import Orders
from embedworks.training.watchdog import TERMINATED, Watchdog
from helpers.local_board import LocalBoard

PATIENCE_S = 30  # bounds a hang; nothing is measured


@pytest.fixture
def board(monkeypatch) -> LocalBoard:
    monkeypatch.setattr(watchdog.ray, "get", lambda answer: answer)
    monkeypatch.setattr(watchdog, "is_draining", lambda: False)
    return LocalBoard()


def hears(dog: Watchdog, orders: Orders) -> None:
    dog._orders = orders
    if dog._saves is None:
        dog._saves = orders.saves


def test_an_order_is_heard_once_and_by_the_first_worker_alone(board):
    first, second = Watchdog(board, 0, 60), Watchdog(board, 1, 60)
    for dog in (first, second):
        hears(dog, Orders(saves=3))
    assert [first.wish().save, second.wish().save] == [False, False], "asked before this group started"
    for dog in (first, second):
        hears(dog, Orders(saves=4, stop=True))
    assert [(one.save, one.stop) for one in (first.wish(), first.wish(), second.wish())] == [
        (True, True),
        (False, True),
        (False, False),
    ]


def test_sigterm_is_heard_once_by_whichever_worker_it_met(board):
    dog = Watchdog(board, 1, 60)
    try:
        TERMINATED.set()
        assert [dog.wish().save, dog.wish().save] == [True, False]
    finally:
        TERMINATED.clear()


def test_a_drain_of_nodes_is_heard(board, monkeypatch):
    dog = Watchdog(board, 0, 60)
    assert not dog.wish().save
    monkeypatch.setattr(watchdog, "is_draining", lambda: True)
    assert [dog.wish().save, dog.wish().save] == [True, False]


def test_it_leaves_signs_while_steps_end(board):
    left: list[bool] = []
    with Watchdog(board, 0, 60, leave=lambda: left.append(True), beat_seconds=0.01) as dog:
        dog.step_ended(5, "waiting for data")
        for _ in range(5):
            assert board.answers.acquire(timeout=PATIENCE_S)
    sign, _ = board.lookout._signs[0]
    assert (sign.step, sign.phase, sign.place) == (5, "waiting for data", "")
    assert not left


def test_it_ends_a_worker_in_which_no_step_ends_and_says_where_it_is(board):
    left = threading.Event()
    with Watchdog(board, 0, 0.05, leave=left.set) as dog:
        dog.step_ended(5, "forward, backward and optimizer")
        assert left.wait(PATIENCE_S)
    (note,) = board.lookout.take_notes()
    assert "worker 0 is in step 6 (forward, backward and optimizer)" in note.text
    assert "threading.py" in note.text, "where this thread waits"
    assert "test_watchdog.py" in note.details


def test_a_step_may_take_as_long_as_many_of_the_longest(board, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: now[0])
    dog = Watchdog(board, 0, hang_seconds=10)
    dog.step_ended(1, "waiting for data")
    now[0] = 3.0
    dog.step_ended(2, "waiting for data")
    assert dog.limit() == 60
    dog.step_ended(3, "waiting for data")
    assert dog.limit() == 60


def test_the_start_and_the_first_step_have_more_time(board):
    dog = Watchdog(board, 0, hang_seconds=10)
    assert dog.limit() == 50
    dog.stand_at(5, "waiting for data")
    assert dog.limit() == 50, "steps of workers before these say nothing about this start"
    dog.step_ended(6, "waiting for data")
    assert dog.limit() == 10
