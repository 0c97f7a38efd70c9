"""Trim, elect, merge."""

from __future__ import annotations

import pytest

from helpers.merges import merged

FIRST, SECOND, ZEROS = [0.9, -0.1, 0.4, 0.05], [-0.5, -0.6, 0.2, 0.3], [0.0] * 4


def test_the_mean_of_what_was_not_trimmed_and_agrees():
    assert merged("ties", [FIRST, SECOND], ZEROS, weight=1, density=0.5).tolist() == pytest.approx(
        [0.9, -0.6, 0.4, 0]
    )


def test_without_trimming_it_is_the_mean_of_what_agrees():
    result = merged("ties", [FIRST, SECOND], ZEROS, weight=(3, 1)).tolist()
    assert result == pytest.approx([0.9, (-0.3 - 0.6) / 4, (1.2 + 0.2) / 4, (0.15 + 0.3) / 4])


def test_a_density_that_would_keep_nothing_keeps_the_greatest_and_says_so():
    notes = []
    result = merged("ties", [FIRST], ZEROS, notes, weight=1, density=0.1)
    assert result.tolist() == pytest.approx([0.9, 0, 0, 0])
    assert notes == ["density 0.1 of 4 elements is none: one was kept"]
    assert merged("ties", [FIRST], ZEROS, weight=1, density=0).tolist() == ZEROS
