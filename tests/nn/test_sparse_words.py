"""PromptReps' sparse vectors by hand."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.nn.sparse_words import content_words, hybrid_scores, sparse_scores, sparse_weights


def test_weights_by_hand():
    # log(1 + 3) = 1.386 -> 139; -1 -> 0 is dropped; log(1 + 0.5) = 0.405 -> 41; the last is not the text's.
    assert sparse_weights([3.0, -1.0, 0.5, 9.0], {0, 1, 2}) == {0: 139, 2: 41}


def test_the_highest_are_kept():
    assert sparse_weights([1.0, 3.0, 2.0], [0, 1, 2], top=2) == {1: 139, 2: 110}


def test_words_are_low_and_none_is_a_stop_word():
    assert content_words("The red-nosed Deer, which sings: it is RED.") == ["red", "nosed", "deer", "sings"]


def test_scores_and_their_mix_by_hand():
    sparse = sparse_scores([{1: 2, 2: 3}, {}], [{1: 10}, {2: 10, 3: 5}])
    assert sparse.tolist() == [[20.0, 30.0], [0.0, 0.0]]
    dense = np.array([[0.9, 0.5], [0.2, 0.4]], np.float32)
    mixed = hybrid_scores(dense, sparse, share=0.25)
    # Scaled: dense [1, 0], [0, 1]; sparse [0, 1] and nothing at all.
    assert mixed.tolist() == [pytest.approx([0.25, 0.75]), pytest.approx([0.0, 0.25])]
