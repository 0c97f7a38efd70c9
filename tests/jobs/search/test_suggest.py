from __future__ import annotations

import builtins

import pytest

from embedworks.errors import InputError
from embedworks.jobs.search.options import SearchOptions
from embedworks.jobs.search.space import draw
from embedworks.jobs.search.suggest import NUMBER, SCORE, VALUES, Suggestions, fixed_values, require_optuna


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


def test_optuna_that_is_not_installed_is_one_clear_error(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "optuna":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"embedworks\[search\]"):
        require_optuna()
