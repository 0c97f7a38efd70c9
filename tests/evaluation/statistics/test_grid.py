from __future__ import annotations

from types import SimpleNamespace

import pytest

from embedworks.evaluation.statistics.grid import grid_of


def score(task: str, layers: int, dimensions: int, value: float) -> SimpleNamespace:
    return SimpleNamespace(task=task, layers=layers, dimensions=dimensions, value=value)


SCORES = [
    score("a", 4, 32, 0.8),
    score("a", 2, 32, 0.6),
    score("a", 4, 16, 0.4),
    score("b", 4, 32, 0.4),
    score("b", 2, 32, 0.2),
    score("b", 4, 16, 0.2),
]


def test_a_grid_of_one_task_and_of_the_mean():
    assert grid_of(SCORES, "a").values == {(4, 32): 0.8, (2, 32): 0.6, (4, 16): 0.4}
    mean = grid_of(SCORES)
    assert mean.values == pytest.approx({(4, 32): 0.6, (2, 32): 0.4, (4, 16): 0.3})
    assert (mean.layers, mean.dimensions) == ([2, 4], [16, 32])


def test_what_is_kept_is_measured_by_the_largest_pair():
    assert grid_of(SCORES, "a").kept() == pytest.approx({(4, 32): 1, (2, 32): 0.75, (4, 16): 0.5})
    assert grid_of([score("a", 1, 8, 0.0)]).kept() == {}


def test_the_table_shows_models_of_each_size_beside_the_one():
    alone = {(2, 32): [score("a", 2, 32, 0.55), score("a", 2, 16, 0.1)]}
    grid = grid_of(SCORES, "a", alone)
    assert grid.gain() == pytest.approx({(2, 32): 0.05})
    assert grid.markdown(2).splitlines() == [
        "| layers | 16 | 32 |",
        "|---|---|---|",
        "| 2 |  | 0.60 (0.55) |",
        "| 4 | 0.40 | 0.80 |",
    ]
