"""TF-IDF and Explicit Semantic Analysis, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from embedworks.evaluation.esa import Esa, TfIdf, sparse_cosines

# One document a word: all words are equally rare, so weights are counts, made unit vectors.
WORDS = TfIdf(["dog", "cat", "tool"])


def test_tfidf_by_hand():
    vectors = WORDS.vectors(["dog dog cat", "bird"]).toarray()
    assert vectors.shape == (2, 3)
    assert sorted(vectors[0].tolist()) == pytest.approx([0, 1 / 5**0.5, 2 / 5**0.5])
    assert not vectors[1].any()


def test_a_text_is_its_cosines_with_the_texts_of_concepts():
    esa = Esa(WORDS, ["dog cat", "tool"])
    found = esa.vectors(["dog", "cat tool"]).toarray()
    assert found[0].tolist() == pytest.approx([0.5**0.5, 0])
    assert found[1].tolist() == pytest.approx([0.5, 0.5**0.5])


def test_words_of_one_letter_count():
    assert TfIdf(["a b"]).vectors(["b"]).nnz == 1


def test_cosines_are_of_a_querys_own_candidates():
    queries = csr_array(np.array([[1.0, 0, 1], [0, 0, 0], [0, 2, 0]]))
    candidates = csr_array(np.array([[1.0, 0, 0], [0, 5, 0], [1, 1, 1], [0, 0, 3], [1, 1, 0], [0, 1, 0]]))
    found = sparse_cosines(queries, candidates)
    assert found.tolist() == pytest.approx(np.array([[0.5**0.5, 0], [0, 0], [0.5**0.5, 1]]))
