from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedworks.corpora.mixture import Mixture, Phase

rates = st.lists(st.one_of(st.integers(1, 500), st.floats(0.01, 100)), min_size=1, max_size=6)


@given(rates=rates, spans=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 90)), max_size=5))
def test_any_span_is_found_without_what_came_before(rates, spans):
    mixture = Mixture([Phase(0, tuple(rates)), Phase(300, tuple(reversed(rates)))])
    whole = mixture.sources(0, 1000)
    for start, length in spans:
        part = mixture.sources(start, start + length)
        assert np.array_equal(part.source, whole.source[start : start + length])
        assert np.array_equal(part.index, whole.index[start : start + length])
        assert mixture.counts(start).tolist() == [
            (whole.source[:start] == source).sum() for source in range(len(rates))
        ]


@given(rates=rates)
def test_a_source_counts_its_own_units(rates):
    turns = Mixture([Phase(0, tuple(rates))]).sources(0, 700)
    for source in range(len(rates)):
        mine = turns.index[turns.source == source]
        assert np.array_equal(mine, np.arange(len(mine)))


@given(units=st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_rates_that_are_sizes_bring_everyone_through_together(units):
    mixture = Mixture([Phase(0, tuple(units))])
    for passes in (1, 2, 5):
        assert mixture.counts(passes * sum(units)).tolist() == [passes * n for n in units]


@given(rates=rates, units=st.integers(0, 2000))
def test_nobody_is_far_from_their_share(rates, units):
    counts = Mixture([Phase(0, tuple(rates))]).counts(units)
    shares = units * np.asarray(rates) / sum(rates)
    assert np.abs(counts - shares).max() <= len(rates)


def test_a_far_position_costs_no_replay():
    mixture = Mixture([Phase(0, (1e9, 3e9, 7))])
    assert mixture.counts(4_000_000_007).tolist() == [10**9, 3 * 10**9, 7]


def test_a_source_can_rest_for_a_phase():
    turns = Mixture([Phase(0, (1, 0)), Phase(4, (1, 1))]).sources(0, 8)
    assert turns.source.tolist() == [0, 0, 0, 0, 0, 1, 0, 1]
    assert turns.index.tolist() == [0, 1, 2, 3, 4, 0, 5, 1]


@pytest.mark.parametrize("phases", [[], [(1, (1,))], [(0, (1,)), (0, (1,))], [(0, (0, 0))], [(0, (-1, 2))]])
def test_phases_that_make_no_stream_are_refused(phases):
    with pytest.raises(ValueError, match="phase"):
        Mixture([Phase(*phase) for phase in phases])
