from __future__ import annotations

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embedworks.corpora.order import WINDOW_ROWS, ShuffledRows, window_blocks


@given(rows=st.integers(1, 300), seed=st.integers(0, 9), block=st.integers(1, 20), window=st.integers(1, 4))
def test_every_row_comes_once_an_epoch(rows, seed, block, window):
    order = ShuffledRows(rows, seed=seed, block_rows=block, window=window)
    epoch, row = order.locate(np.arange(2 * rows))
    for number in (0, 1):
        assert sorted(row[epoch == number].tolist()) == list(range(rows))


@given(rows=st.integers(1, 200), positions=st.lists(st.integers(0, 500), max_size=30))
def test_any_position_is_found_without_the_ones_before(rows, positions):
    whole = ShuffledRows(rows, seed=3, block_rows=7).locate(np.arange(501))
    alone = ShuffledRows(rows, seed=3, block_rows=7).locate(np.asarray(positions, dtype=np.int64))
    for all_of_them, some in zip(whole, alone, strict=True):
        assert np.array_equal(all_of_them[positions], some)


def test_epochs_seeds_and_sources_differ():
    def order(seed, source=0):
        return ShuffledRows(64, seed=seed, source=source).locate(np.arange(128))[1].tolist()

    assert order(1)[:64] != order(1)[64:]
    assert order(1) != order(2)
    assert order(1) != order(1, source=1)


def test_reading_stays_inside_a_window():
    order = ShuffledRows(1000, seed=0, block_rows=10, window=5)
    _, row = order.locate(np.arange(50))
    assert len(np.unique(row // 10)) == 5


def test_it_travels_between_processes():
    order = ShuffledRows(100, seed=4, source=2, block_rows=8, window=3)
    twin = pickle.loads(pickle.dumps(order))
    assert np.array_equal(order.locate(np.arange(200))[1], twin.locate(np.arange(200))[1])


def test_large_rows_are_mixed_in_smaller_windows():
    assert window_blocks(10**6, 10**8) * 256 == WINDOW_ROWS
    assert window_blocks(1000, 1000 * 50_000) == 5
    assert window_blocks(10, 10**12) == 1
