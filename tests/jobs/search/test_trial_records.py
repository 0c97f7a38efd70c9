from __future__ import annotations

import pytest

from embedworks.jobs.search.options import SearchOptions
from embedworks.jobs.search.record import TrialRecord, best_of, known_values, load_record, load_records
from embedworks.jobs.search.trial import final_score


def record(number: int, score: float | None = None, **values) -> TrialRecord:
    return TrialRecord(number=number, values=values or {"a": 1}, score=score)


@pytest.fixture
def options() -> SearchOptions:
    space = {"a": {"integer": [0, 9]}, "b": {"choice": ["x", "y"]}}
    return SearchOptions.model_validate({"from": "s", "trials": 9, "space": space})


def test_the_best_is_the_earliest_of_those_with_the_highest_score():
    assert best_of([record(0, 0.1), record(1), record(2, 0.3), record(3, 0.3)]).number == 2
    assert best_of([record(0)]) is None


def test_records_are_read_as_they_were_written(tmp_path):
    record(3, 0.5).save(tmp_path / "3")
    assert load_record(tmp_path / "3") == record(3, 0.5)
    assert load_record(tmp_path / "4") is None
    assert [one.number for one in load_records(tmp_path, 4)] == [3]
    assert load_records(tmp_path, 3) == []


def test_known_values_end_at_a_gap_or_where_the_space_is_another(options):
    fits = [record(0, a=1, b="x"), record(1, a=9, b="y")]
    assert known_values(options, fits) == [{"a": 1, "b": "x"}, {"a": 9, "b": "y"}]
    assert known_values(options, fits[1:]) == []
    assert known_values(options, [record(0, a=1, b="z"), fits[1]]) == []
    assert known_values(options, [fits[0], record(1, a=10, b="x")]) == known_values(options, fits[:1])
    assert known_values(options, [record(0, a=1)]) == []


def test_the_score_of_a_train_stage_is_its_own_and_of_an_evaluate_stage_that_of_its_best_model():
    def scored(value: float) -> list[dict]:
        return [{"task": "t", "layers": 1, "dimensions": 2, "value": value}]

    assert final_score({"value": 0.25, "scores": {"left": scored(0.5)}}, None) == 0.25
    assert final_score({"scores": {"a": scored(0.1), "b": scored(0.4)}}, "t") == 0.4
