"""The queue keeps its bound, and gives a large unit its turn."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from embedworks.merging.threads import Queue
from embedworks.merging.units import Unit


def queue_of(sizes: list[int], limit: int) -> Queue:
    units = [Unit(number, 0, 0, size) for number, size in enumerate(sizes)]
    return Queue(units, lambda unit: unit.stop, limit)


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(1, 40), st.integers(1, 4))
def test_the_bytes_in_flight_stay_below_the_limit_or_are_one_units(sizes, limit, threads):
    queue, lock, flying, seen = queue_of(sizes, limit), threading.Lock(), {}, []

    def work() -> None:
        while unit := queue.take():
            with lock:
                flying[unit.number] = unit.stop
                seen.append((unit.number, sum(flying.values()), len(flying)))
            with lock:
                del flying[unit.number]
            queue.give(unit)

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(work) for _ in range(threads)]:
            future.result()
    assert sorted(number for number, *_ in seen) == list(range(len(sizes)))
    assert all(held <= limit or number == 1 for _, held, number in seen)


def test_a_large_unit_is_not_overtaken_by_small_ones():
    queue = queue_of([1, 100, 1, 1], limit=10)
    first = queue.take()
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(queue.take())) for _ in range(2)]
    for thread in threads:
        thread.start()
    threads[0].join(0.05)
    assert taken == []  # one waits for the room of all, the other behind it
    queue.give(first)
    while not taken:
        threads[0].join(0.01)
    assert taken[0].number == 1
    assert queue.is_alone(taken[0])
    queue.give(taken[0])
    for thread in threads:
        thread.join(60)
    assert taken[1].number == 2
    assert not queue.is_alone(taken[1])


def test_a_stopped_queue_gives_nothing():
    queue = queue_of([1, 1], limit=10)
    queue.take()
    queue.stop()
    assert queue.take() is None
