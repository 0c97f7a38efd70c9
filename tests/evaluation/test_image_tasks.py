"""Tasks of pictures on spaces whose right answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.evaluation.image_tasks import Neighbours, PairRetrieval, ZeroShot, recall
from embedworks.evaluation.samples import mean_samples


class Table:
    """A space that looks vectors up."""

    def __init__(self, texts: dict[str, list[float]], images: dict[bytes, list[float]]) -> None:
        self.known = {**texts, **images}
        self.asked: list[str] = []

    def texts(self, texts):
        self.asked += texts
        return self._rows(texts)

    def images(self, images):
        return self._rows(images)

    def _rows(self, keys):
        vectors = np.array([self.known[key] for key in keys], np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_recall_counts_queries_with_a_right_answer_among_the_best() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.1]], np.float32)
    right = np.eye(3, dtype=bool)
    assert [recall(scores, right, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])
    both = right.copy()
    both[2, 0] = True  # a second right answer, which is the best
    assert recall(scores, both, 1) == pytest.approx(2 / 3)


def test_a_space_that_says_the_same_of_everything_finds_nothing() -> None:
    assert recall(np.ones((4, 4), np.float32), np.eye(4, dtype=bool), 1) == 0


def test_retrieval_goes_both_ways_and_equal_captions_are_one_text() -> None:
    space = Table({"a": [1, 0], "b": [0, 1]}, {b"1": [1, 0.1], b"2": [0.9, 0.2], b"3": [0.8, 1]})
    found = PairRetrieval("t", [b"1", b"2", b"3"], ["a", "a", "b"]).score(space)
    assert found.others["image_to_text_recall_at_1"] == 1
    assert found.others["text_to_image_recall_at_1"] == 1
    assert (found.value, found.n) == (1, 5)
    worse = PairRetrieval("t", [b"1", b"2", b"3"], ["b", "a", "a"]).score(space)
    assert worse.others["image_to_text_recall_at_1"] == pytest.approx(1 / 3)
    assert worse.others["text_to_image_recall_at_1"] == 0
    assert worse.value == pytest.approx(1 / 6)
    assert [list(hits.values()) for hits in worse.hits.values()] == [[0, 1, 0], [0, 0]]
    assert mean_samples(worse.hits).score == pytest.approx(worse.value)


def test_zero_shot_averages_templates_before_normalising() -> None:
    texts = {"cat": [1, 0], "no cat": [0, 3], "dog": [0, 1], "no dog": [0, 1]}
    space = Table(texts, {b"1": [1, 1], b"2": [0, 1], b"3": [1, 0.1]})
    task = ZeroShot("t", [b"1", b"2", b"3"], ["Cat", "Dog", "Dog"], templates=("{}", "no {}"))
    found = task.score(space)  # "cat" becomes (1, 1) / sqrt 2, which the first picture is
    assert found.value == pytest.approx(2 / 3)
    assert found.others["class_accuracy"] == pytest.approx(0.75)
    assert sorted(found.hits["test"].values()) == [0, 1, 1]
    assert space.asked == ["cat", "no cat", "dog", "no dog"]


def test_neighbours_vote_by_their_cosines_and_no_text_is_asked() -> None:
    images = {b"q": [1, 0], b"a": [1, 0.05], b"b": [1, 0.2], b"c": [1, -0.2], b"d": [-1, 0]}
    space = Table({}, images)
    task = Neighbours("t", [b"q"], ["y"], [b"a", b"b", b"c", b"d"], ["x", "y", "y", "y"], k=3)
    found = task.score(space)
    assert (found.value, found.others["nearest_accuracy"]) == (1, 0)
    assert found.hits == {"test": {"0": 1.0}}
    assert space.asked == []
