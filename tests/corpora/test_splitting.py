from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from embedworks.corpora.splitting import components, held_out

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
