"""The plain mean."""

from __future__ import annotations

from helpers.merges import merged


def test_every_model_counts_the_same():
    assert merged("uniform_soup", [[1.0, 8.0], [3.0, 0.0], [5.0, 1.0]]).tolist() == [3, 3]
