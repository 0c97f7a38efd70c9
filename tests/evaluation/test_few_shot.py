"""Few labelled texts of a class, on vectors that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.evaluation.few_shot import FewShot, anisotropy, mean_cosine, ndcg_at

PAIRS = [(f"{label}{n}", label) for label in "ab" for n in range(6)]


def by_letter(texts):
    return np.array(
        [[1.0, 0.1 * len(t)] if t[0] == "a" else [0.1 * len(t), 1.0] for t in texts], np.float32
    )


def test_a_space_of_actions_is_perfect_and_one_of_none_is_not():
    task = FewShot("t", {"x": PAIRS})
    found = task.score(by_letter)
    assert found.value == found.others["ndcg_at_10"] == 1
    assert "f1_5_shot" not in found.others  # 6 texts of a class, where 10 are needed
    # One vector for all: every text is taken for the first class, F1 = (2/3 + 0) / 2.
    assert task.score(lambda texts: np.ones((len(texts), 2), np.float32)).value == pytest.approx(1 / 3)


def test_too_few_texts_are_refused():
    for domains in ({"x": PAIRS[:7]}, {}):
        with pytest.raises(InputError, match="task 't' finds no two classes"):
            FewShot("t", domains).score(by_letter)


def test_ndcg_by_hand():
    # Right at places 1 and 3 of two that are right: (1 + 1/2) / (1 + 1 / log2 3).
    scores, right = np.array([3.0, 2.0, 1.0]), np.array([True, False, True])
    assert ndcg_at(scores, right, 10) == pytest.approx(1.5 / (1 + 1 / math.log2(3)))


def test_cosines_within_and_between_classes():
    rows = np.array([[1, 0], [0, 1], [-1, 0]], float)
    assert mean_cosine(rows) == pytest.approx((0 + 0 - 1) / 3)
    vectors = np.array([[1, 0]] * 3 + [[0, 1]] * 3, float)
    assert anisotropy(vectors, np.array(list("aaabbb"))) == pytest.approx((1, 0))


def test_the_digest_changes_with_the_data():
    one, other = FewShot("t", {"x": PAIRS}), FewShot("t", {"x": PAIRS[::-1]})
    assert one.digest != other.digest
    assert set(one.sentences) == {text for text, _ in PAIRS}
