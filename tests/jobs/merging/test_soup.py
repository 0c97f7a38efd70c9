"""The greedy soup: in the order of the scores, and only what does not make it worse."""

from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.jobs.merging.soup import greedy_soup, soup_recipe
from embedworks.jobs.search.record import TrialRecord


class Scores:
    """Stands where merges are scored: a score for each set of models."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores = scores
        self.asked: dict[int, str] = {}

    def score(self, number, values, recipe) -> TrialRecord:
        key = "".join(entry.model for entry in recipe.models)
        assert values == {"models": " + ".join(key)}
        self.asked[number] = key
        if key not in self.scores:
            return TrialRecord(number=number, values=values, status="failed", error="it does not fit")
        return TrialRecord(number=number, values=values, status="done", score=self.scores[key])


def test_a_model_joins_unless_the_score_drops():
    scores = Scores({"a": 0.2, "b": 0.9, "c": 0.5, "bc": 0.8, "ba": 0.9})
    soup, trace = greedy_soup(scores, ["a", "b", "c"], lambda _: None)
    assert soup == ["b", "a"]
    assert scores.asked == {0: "a", 1: "b", 2: "c", 3: "bc", 4: "ba"}
    assert [record.score for record in trace] == [0.2, 0.9, 0.5, 0.8, 0.9]


def test_later_models_are_compared_with_the_soup_so_far():
    scores = Scores({"a": 0.5, "b": 0.4, "c": 0.3, "ab": 0.7, "abc": 0.6})
    told: list[str] = []
    assert greedy_soup(scores, ["a", "b", "c"], told.append)[0] == ["a", "b"]
    assert ["joins" in line for line in told[3:]] == [True, False]


def test_of_equal_models_the_first_one_goes_first():
    scores = Scores({"a": 0.5, "b": 0.5, "ab": 0.4})
    assert greedy_soup(scores, ["a", "b"], lambda _: None)[0] == ["a"]


def test_a_model_that_cannot_be_scored_stops_it_by_name():
    with pytest.raises(InputError, match="b cannot be scored: it does not fit"):
        greedy_soup(Scores({"a": 0.5}), ["a", "b"], lambda _: None)


def test_the_recipe_is_the_average():
    recipe = soup_recipe(["x", "y"])
    assert recipe.merge_method == "linear"
    assert [(entry.model, entry.parameters) for entry in recipe.models] == [
        ("x", {"weight": 1}),
        ("y", {"weight": 1}),
    ]
