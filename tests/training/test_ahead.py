"""Reading ahead changes nothing but when items are made."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from embedworks.training.ahead import Ahead


def test_items_come_in_order_and_end() -> None:
    assert list(Ahead(range(100), depth=3)) == list(range(100))


def test_an_error_reaches_the_reader_behind_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    reader = iter(Ahead(items(), depth=4))
    assert next(reader) == 1
    with pytest.raises(ValueError, match="no more"):
        next(reader)


def test_the_first_items_are_made_before_anyone_asks_and_no_more_than_fit() -> None:
    made, enough = [], threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 3:
                enough.set()
            yield number

    ahead = Ahead(items(), depth=3)
    assert enough.wait(10)
    assert made == [0, 1, 2, 3]  # three wait and the thread holds one
    assert list(ahead) == list(range(10))


def test_closing_ends_the_thread() -> None:
    done = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            done.set()

    ahead = Ahead(items(), depth=1)
    next(iter(ahead))
    ahead.close()
    assert done.wait(10)
