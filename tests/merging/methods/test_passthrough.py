"""One model's tensor."""

from __future__ import annotations

from helpers.merges import merged


def test_a_copy_or_a_multiple():
    assert merged("passthrough", [[1.0, 2.0]]).tolist() == [1, 2]
    assert merged("passthrough", [[1.0, 2.0]], scale=-0.5).tolist() == [-0.5, -1]
    assert merged("passthrough", [[1.0, 2.0]], scale=0).tolist() == [0, 0]
