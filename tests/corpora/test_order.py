from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedworks.corpora.order import SampleOrder, interleave

sizes = st.lists(st.integers(1, 90), min_size=1, max_size=3)


@given(rows=sizes, seed=st.integers(0, 9), block=st.integers(1, 20), window=st.integers(1, 4))
def test_every_row_comes_once_an_epoch(rows, seed, block, window):
    order = SampleOrder(rows, seed=seed, block_rows=block, window_blocks=window)
    located = order.locate(0, 2 * order.samples_per_pass)
    for source, count in enumerate(rows):
        first = located.row[(located.source == source) & (located.epoch == 0)]
        assert sorted(first.tolist()) == list(range(count))


@given(rows=sizes, cut=st.integers(0, 60), length=st.integers(1, 60))
def test_seeking_equals_reading_from_the_start(rows, cut, length):
    whole = SampleOrder(rows, seed=3, block_rows=7).locate(0, cut + length)
    part = SampleOrder(rows, seed=3, block_rows=7).locate(cut, cut + length)
    for name in ("source", "epoch", "row"):
        assert np.array_equal(getattr(whole, name)[cut:], getattr(part, name))


def test_epochs_and_seeds_differ():
    def order(seed):
        return SampleOrder([64], seed=seed)

    assert not np.array_equal(order(1).locate(0, 64).row, order(1).locate(64, 128).row)
    assert not np.array_equal(order(1).locate(0, 64).row, order(2).locate(0, 64).row)


def test_mixture_gives_each_corpus_its_weight():
    located = SampleOrder([10, 50], [1, 3], seed=0).locate(0, 400)
    assert (located.source == 1).sum() == 300
    assert interleave([2, 2]).tolist() in ([0, 1, 0, 1], [1, 0, 1, 0])


def test_a_weight_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        interleave([1, 0])
