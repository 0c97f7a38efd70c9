"""Where wrong texts come from, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.transforms.mining import (
    alike_by_tags,
    both_directions,
    example_triples,
    mined_triples,
    positive_aware,
    random_triples,
)

UNITS = {
    "q1": (1.0, 0.0),
    "q2": (0.0, 1.0),
    "p1": (0.80, 0.60),
    "near": (0.79, np.sqrt(1 - 0.79**2)),
    "less": (0.75, np.sqrt(1 - 0.75**2)),
    "far": (0.60, 0.80),
}


def encode(texts):
    return np.array([UNITS[text] for text in texts], np.float32)


def rng():
    return np.random.default_rng(0)


def test_what_scores_close_to_the_positive_is_passed_over():
    # 0.95 * 0.80 = 0.76: 0.79 and 0.77 are too close, 0.75 and 0.60 stay, best first.
    scores = np.array([0.60, 0.79, 0.75, 0.77])
    assert positive_aware(scores, 0.80, 4) == [2, 0]
    assert positive_aware(scores, 0.80, 1) == [2]
    assert positive_aware(np.array([-np.inf, 0.5]), 0.80, 4) == [1]


def test_mined_negatives_are_the_best_that_are_allowed():
    pairs = [("q1", "p1"), ("q2", "near"), ("q2", "less"), ("q2", "far")]
    triples = list(mined_triples(pairs, encode, count=3))
    assert triples[0] == ("q1", ["p1"], ["less", "far"])
    # Of q2 three texts are right, so p1 alone may be wrong; it scores .6, above .95 * .613 = .583, and as
    # nothing is allowed the worst of what is left is taken.
    assert triples[1] == ("q2", ["near"], ["p1"])


def test_random_negatives_are_of_others():
    pairs = [("a", "A"), ("a", "B"), ("b", "C"), ("c", "D")]
    for query, positives, negatives in random_triples(pairs, 3, rng()):
        assert len(set(negatives)) == len(negatives) >= 2
        assert not set(negatives) & set(positives)
        assert query != "a" or set(negatives) == {"C", "D"}


def test_a_query_is_not_wrong_for_itself():
    pairs = [("near", "p1"), ("p1", "near"), ("less", "far"), ("far", "less")]
    for query, positives, negatives in [*mined_triples(pairs, encode, 4), *random_triples(pairs, 4, rng())]:
        assert negatives
        assert not {query, *positives} & set(negatives)


def test_examples_of_classes():
    labelled = [(f"{label}{i}", label) for label in "xyz" for i in range(30)] + [("alone", "w")]
    triples = list(example_triples(labelled, rng()))
    assert len(triples) == 90, "a text that is alone in its class is no example"
    for query, positives, negatives in triples:
        assert {text[0] for text in positives} == {query[0]}
        assert query not in positives
        assert query[0] not in {text[0] for text in negatives if text != "alone"}
        assert len(set(positives)) == 8
        assert len(set(negatives)) == 16


def test_two_classes_are_told_by_their_names_and_one_by_nothing():
    labelled = [("good", "yes"), ("bad", "no"), ("fine", "yes")]
    assert list(example_triples(labelled, rng())) == [
        ("good", ["yes"], ["no"]),
        ("bad", ["no"], ["yes"]),
        ("fine", ["yes"], ["no"]),
    ]
    with pytest.raises(InputError, match="one class"):
        list(example_triples(labelled[::2], rng()))


def test_classes_by_their_names():
    labelled = [("cat", "animal"), ("oak", "tree"), ("pen", "thing")]
    first = next(example_triples(labelled, rng(), examples=False))
    assert first == ("cat", ["animal"], ["tree", "thing"])


def test_similar_texts_give_two_examples():
    # a, b: 4 of 5 tags in common, score 4; a, c: 1 of 5, score 1; b, c share none of their tags.
    tags = {"a": set("12345"), "b": set("1234"), "c": {"5"}}
    scored = sorted(alike_by_tags(tags))
    assert scored == [("a", "b", 4.0), ("a", "c", 1.0)]
    assert both_directions(iter(scored)) == [("a", "b"), ("b", "a")]
