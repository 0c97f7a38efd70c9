from __future__ import annotations

import builtins

import pytest

from embedworks.errors import InputError
from embedworks.jobs.search.options import Domain, SearchOptions
from embedworks.jobs.search.space import draw
from embedworks.jobs.search.suggest import (
    NUMBER,
    SCORE,
    VALUES,
    Suggestions,
    count_trials,
    fixed_values,
    require_optuna,
)


def options(algorithm: str) -> SearchOptions:
    space = {"a": {"uniform": [-4.0, 4.0]}, "b": {"choice": [[1], [2]]}, "c": {"loginteger": [1, 100]}}
    return SearchOptions.model_validate({"from": "s", "trials": 9, "space": space, "algorithm": algorithm})


def asked(search: Suggestions, trials: int) -> list[dict]:
    """Values of so many trials, whose scores are best at a = 1."""
    found = []
    for place in range(trials):
        given = search.suggest(str(place))
        assert given[NUMBER] == place
        found.append(given[VALUES])
        search.on_trial_complete(
            str(place), {SCORE: -((given[VALUES]["a"] - 1) ** 2), "training_iteration": 1}
        )
    return found


def test_random_values_are_those_of_seed_and_number():
    search = options("random")
    fixed = fixed_values(search, 5, [])
    assert asked(Suggestions(search, 5, fixed), 4) == [draw(search, 5, number) for number in range(4)]
    assert len(fixed) == search.trials


def test_optuna_proposes_better_values_than_chance_and_takes_up_known_ones():
    pytest.importorskip("optuna")
    search = options("optuna")
    found = asked(Suggestions(search, 5, []), 40)
    assert all(search.space[name].has(value) for values in found for name, value in values.items())
    misses = [abs(values["a"] - 1) for values in found]
    assert sum(misses[30:]) / 10 < sum(misses[:10]) / 10
    again = asked(Suggestions(search, 5, found[:6]), 8)
    assert again[:6] == found[:6]
    assert len({values["a"] for values in again}) == 8


def test_a_grid_goes_through_every_combination():
    search = options("grid").model_copy(update={"points": 3})
    fixed = fixed_values(search, 5, [])
    assert len(fixed) == count_trials(search) == 3 * 2 * 3
    assert {values["a"] for values in fixed} == {-4.0, 0.0, 4.0}
    assert [values["c"] for values in fixed[:3]] == [1, 10, 100]
    assert asked(Suggestions(search, 5, fixed), 18) == fixed


def test_cma_es_waits_between_generations_and_gives_no_number_while_it_does():
    pytest.importorskip("cmaes")
    space = {"a": {"uniform": [-4.0, 4.0]}, "c": {"loginteger": [1, 100]}}
    search = options("cma-es").model_copy(update={"population": 4})
    search = search.model_copy(
        update={"space": {key: Domain.model_validate(d) for key, d in space.items()}}
    )
    suggestions = Suggestions(search, 5, [])
    assert [suggestions.suggest(trial)[NUMBER] for trial in "abcd"] == [0, 1, 2, 3]
    assert suggestions.suggest("e") is None
    for trial in "abc":
        suggestions.on_trial_complete(trial, {SCORE: 0.5})
    suggestions.on_trial_complete("d", None, error=True)
    assert suggestions.suggest("e")[NUMBER] == 4


def test_optuna_that_is_not_installed_is_one_clear_error(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "optuna":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"embedworks\[search\]"):
        require_optuna()
