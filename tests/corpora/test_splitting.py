from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from embedworks.corpora.splitting import components, held_out, stratified_order

SIZES = st.dictionaries(st.text(min_size=1, max_size=4), st.integers(1, 50), min_size=1)


@given(SIZES, st.floats(0, 1), st.integers(0, 99))
def test_no_more_than_the_share_is_held_out(sizes, share, seed):
    chosen = held_out(sizes, share, seed)
    assert chosen <= sizes.keys()
    assert sum(sizes[name] for name in chosen) <= share * sum(sizes.values()) + 1e-6
    assert held_out(dict(reversed(sizes.items())), share, seed) == chosen


def test_the_seed_draws_another_split():
    sizes = {str(i): 1 for i in range(40)}
    assert len(held_out(sizes, 0.25, 0)) == 10
    assert held_out(sizes, 0.25, 0) != held_out(sizes, 0.25, 1)


def test_components_join_through_shared_members():
    found = components([{"d", "c"}, {"a", "b"}, {"e"}, {"b", "c"}])
    assert found == {"a": "a", "b": "a", "c": "a", "d": "a", "e": "e"}


@given(st.dictionaries(st.text(max_size=4), st.sampled_from("abc"), min_size=1), st.integers(0, 99))
def test_every_beginning_of_a_stratified_order_holds_each_stratum_in_its_proportion(strata, seed):
    order = stratified_order(strata, seed)
    assert sorted(order) == sorted(strata)
    sizes = Counter(strata.values())
    for n in range(len(order) + 1):
        seen = Counter(strata[name] for name in order[:n])
        for stratum, size in sizes.items():
            assert abs(seen[stratum] - n * size / len(order)) <= len(sizes) / 2 + 1


def test_a_stratified_order_depends_on_the_seed_and_not_on_the_order_of_names():
    strata = {str(i): "even" if i % 2 == 0 else "odd" for i in range(40)}
    assert stratified_order(strata, 0) == stratified_order(dict(reversed(strata.items())), 0)
    assert stratified_order(strata, 0) != stratified_order(strata, 1)
