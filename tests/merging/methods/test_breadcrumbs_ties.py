"""Breadcrumbs with an election of signs."""

from __future__ import annotations

from helpers.merges import merged


def test_what_disagrees_with_the_sum_is_left_out():
    base = [0.0] * 5
    first, second = [9.0, 3, 2, 0.1, 0.2], [-9.0, -1, -4, 0.1, 0.2]
    result = merged("breadcrumbs_ties", [first, second], base, weight=1, density=0.4, gamma=0.2)
    assert result.tolist() == [0, 3, -4, 0, 0]
    lax = merged("breadcrumbs", [first, second], base, weight=1, density=0.4, gamma=0.2)
    assert lax.tolist() == [0, 2, -2, 0, 0]
