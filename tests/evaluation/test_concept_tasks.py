"""Matching by concepts, on vectors that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from embedworks.embedder import EmbedderSettings
from embedworks.errors import InputError
from embedworks.evaluation.concept_tasks import (
    Candidates,
    ConceptMatching,
    candidate_lists,
    faithfulness,
    pair_scores,
)
from embedworks.evaluation.encoder import LayerVectors, Reader

NAMES = tuple("abcdefgh")
# Concepts of a text are its letters; a query is in lower case and its right answers in upper case.
TEXTS = [("abcde", "query"), ("defgh", "query"), ("ABCDE", "document"), ("FGHAB", "document")]


class Letters:
    """A presence for each letter; prompts are left out."""

    def __init__(self, noise: float = 0.0) -> None:
        self.noise = noise

    def encode(self, texts: Sequence[str], *, prompt: str = "", **_) -> np.ndarray:
        rng = np.random.default_rng(0)
        rows = [[float(name in text.lower()) for name in NAMES] for text in texts]
        if prompt == "wrong ":
            rows = [row[::-1] for row in rows]
        return np.array(rows, np.float32) + self.noise * rng.random((len(texts), len(NAMES)), np.float32)


def reader(
    prompts: dict[str, str] | None = None, names: tuple[str, ...] = NAMES, noise: float = 0
) -> Reader:
    settings = EmbedderSettings(normalize=False, dimension_names=names, prompts=prompts or {})
    return Reader(LayerVectors(Letters(noise), 0), len(NAMES), settings)


def task() -> ConceptMatching:
    queries = [
        Candidates("abc", ("CBA", "AB", "HGF", "GH"), 2),
        Candidates("gh", ("GHF", "GH", "AB", "CD"), 2),
    ]
    texts = [(text, kind, tuple(text.lower())) for text, kind in TEXTS]
    training = [(("abc", "xx"), ("a", "b")), (("fgh", "yy"), ("f", "a"))]
    return ConceptMatching("t", queries, texts, training)


def test_presences_of_the_letters_are_perfect():
    found = task().score(reader())
    assert found.value == found.others["ndcg_at_10"] == 1
    assert found.others["precision_at_5"] == 1
    assert found.others["chance_at_5"] == pytest.approx(5 / 8)
    assert found.n == 2


def test_a_kind_is_read_with_its_own_prompt():
    found = task().score(reader({"document": "wrong "}))
    assert found.value < 0.5
    assert found.others["precision_at_5"] < 1


def test_words_alone_find_nothing_across_kinds():
    # No query has a word of its candidates: all scores are 0, half of all pairs is right by chance.
    others = task().score(reader()).others
    assert others["tfidf_auc"] == 0.5
    assert others["auc_over_tfidf"] == 0.5
    assert others["esa_auc"] == 0.5


def test_explicit_semantic_analysis_goes_through_the_concepts_texts():
    # "xx" and "abc" stand in one item's texts, so that its concepts tie them together.
    queries = [Candidates("abc", ("xx", "yy"), 1), Candidates("fgh", ("yy", "xx"), 1)]
    found = ConceptMatching("t", queries, task().texts, task().training).score(reader()).others
    assert found["esa_auc"] == 1
    assert found["tfidf_auc"] == 0.5


def test_dimensions_without_names_are_given_those_of_training_by_frequency():
    one = task()
    training = [(("abc",), tuple("hgfedcba")), (("abc",), ("h",))]
    found = ConceptMatching("t", one.queries, one.texts, training).score(reader(names=())).others
    # h g f e d c b a: of the dimensions 0 to 4 of "abcde" two are named by its letters, ...
    assert found["precision_at_5"] == pytest.approx((2 + 2 + 2 + 4) / 20)


def test_texts_with_too_few_concepts_are_left_out():
    with pytest.raises(InputError, match="5 concepts"):
        task().score(reader(names=NAMES[:4]))


def test_equal_scores_are_neither_gain_nor_loss():
    flat = Reader(LayerVectors(Letters(), 0), len(NAMES), EmbedderSettings(dimension_names=NAMES))
    flat.vectors._encode = lambda texts, _: np.ones((len(texts), len(NAMES)), np.float32)
    one = task()
    many = ConceptMatching("t", [one.queries[0]] * 200, one.texts, one.training)
    found = many.score(flat)
    assert found.value == 0.5
    # Two right ones among four at random: each place is a right one's with a chance of a half.
    gains = 1 / np.log2(np.arange(2, 6))
    assert found.others["ndcg_at_10"] == pytest.approx(gains.sum() / 2 / gains[:2].sum(), abs=0.03)


def test_pair_scores_by_hand():
    queries = np.array([[1.0, 0], [0, 2]])
    candidates = np.array([[3.0, 0], [0, 1], [1, 1], [0, 5]])
    assert pair_scores(queries, candidates).ravel() == pytest.approx([1, 0, 0.5**0.5, 1])
    assert pair_scores(queries, candidates, "dot").tolist() == [[3, 0], [2, 10]]


def test_faithfulness_by_hand():
    # An even share of .8 over 8 is .1: .3, .2 and .15, .11 are active, their mean is .19.
    parts = np.array([[0.3, 0.01, 0.2, 0.15, 0.11, 0.01, 0.01, 0.01]])
    found = faithfulness(parts)
    assert found["drop"] == pytest.approx(0.65)
    assert found["random_drop"] == pytest.approx(3 * 0.19)
    assert found["faithfulness"] == pytest.approx(0.65 / 0.57)
    # One active contribution is all that chance can take as well.
    assert faithfulness(np.array([[0.5, 0, 0, 0]]))["faithfulness"] == 1


def test_candidates_are_right_first_then_strangers():
    items = [
        {"query": f"q{n}", "profiles": [f"p{n}.{i}" for i in range(3)], "concepts": [n // 3]}
        for n in range(9)
    ]
    alike = [[n, *(m for m in range(9) if m // 3 == n // 3 and m != n)] for n in range(9)]
    shares = lambda one, other: one // 3 == other // 3  # noqa: E731
    found = candidate_lists(items, alike, shares, candidates=6, relevant=3, seed=1)
    assert [one.query for one in found] == [f"q{n}" for n in range(9)]
    for number, one in enumerate(found):
        owners = [int(text[1]) for text in one.texts]
        assert owners[0] == number
        assert {owner // 3 for owner in owners[:3]} == {number // 3}
        assert number // 3 not in {owner // 3 for owner in owners[3:]}
        assert len(set(owners[3:])) == 3
    assert found == candidate_lists(items, alike, shares, candidates=6, relevant=3, seed=1)
    # Alone of its kind, an item's own profiles fill up.
    own = candidate_lists(items, [[n] for n in range(9)], shares, candidates=6, relevant=3, seed=1)
    assert {text[1] for text in own[4].texts[:3]} == {"4"}
    assert len(set(own[4].texts[:3])) == 3
    # Without enough strangers there is no question.
    assert candidate_lists(items, alike, lambda *_: True, candidates=6, relevant=3, seed=1) == []


def test_the_digest_changes_with_the_concepts():
    one = task()
    other = ConceptMatching(one.name, one.queries, one.texts[:-1], one.training)
    assert one.digest != other.digest
    assert "GHF" in one.sentences
