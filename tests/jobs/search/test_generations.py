"""CMA-ES in whole generations: better than chance, and the same whatever runs when."""

from __future__ import annotations

import builtins
import math
import random

import pytest

from embedworks.errors import InputError
from embedworks.jobs.search.generations import Generations, at, check_cma_es
from embedworks.jobs.search.options import Domain, SpaceOptions

pytest.importorskip("cmaes")
SPACE = {"a": {"uniform": [-4.0, 4.0]}, "b": {"loguniform": [1e-3, 1.0]}, "c": {"integer": [0, 9]}}


def options(**keys) -> SpaceOptions:
    return SpaceOptions.model_validate({"trials": 60, "space": SPACE, "algorithm": "cma-es"} | keys)


def loss(values) -> float:
    return (values["a"] - 1) ** 2 + (math.log10(values["b"]) + 2) ** 2 + (values["c"] - 7) ** 2 / 9


def run(search: Generations, trials: int, at_a_time: int) -> list[dict]:
    """Run trials that end in a random order, as many at a time as may."""
    order, found, running = random.Random(at_a_time), [], []
    while len(found) < trials or running:
        values = (
            search.suggest(str(len(found))) if len(found) < trials and len(running) < at_a_time else None
        )
        if values is not None:
            running.append((str(len(found)), values))
            found.append(values)
            continue
        trial, values = running.pop(order.randrange(len(running)))
        search.tell(trial, -loss(values))
    return found


def test_it_finds_better_values_than_chance():
    search = options()
    found = run(Generations(search, 3), 60, 1)
    assert all(search.space[key].has(value) for values in found for key, value in values.items())
    losses = [loss(values) for values in found]
    assert sum(losses[-10:]) < 0.3 * sum(losses[:10])


def test_how_many_run_at_a_time_changes_nothing():
    alone = run(Generations(options(), 3), 30, 1)
    assert run(Generations(options(), 3), 30, 4) == alone
    assert run(Generations(options(), 4), 30, 1) != alone


def test_a_generation_waits_for_the_one_before_it():
    search = Generations(options(population=4), 0)
    assert None not in [search.suggest(str(number)) for number in range(4)]
    for number in range(4):
        assert search.suggest("4") is None
        search.tell(str(number), 0.0)
    assert search.suggest("4") is not None


def test_a_failed_trial_counts_as_the_worst():
    search = options(population=4)
    failed, worst = Generations(search, 0), Generations(search, 0)
    for number in range(4):
        for one, score in ((failed, math.nan), (worst, -1e9)):
            one.suggest(str(number))
            one.tell(str(number), score if number == 2 else float(number))
    assert failed.suggest("4") == worst.suggest("4")


@pytest.mark.parametrize(
    ("domain", "share", "value"),
    [
        ({"uniform": [-4, 4]}, 0.75, 2.0),
        ({"loguniform": [1e-4, 1e-2]}, 0.5, 1e-3),
        ({"integer": [0, 10]}, 0.52, 5),
    ],
)
def test_a_share_of_a_range_is_a_value(domain, share, value):
    assert at(Domain.model_validate(domain), share) == pytest.approx(value)


@pytest.mark.parametrize(
    ("space", "hint"),
    [({"a": [0, 1]}, "one number"), ({"a": [0, 1], "b": {"choice": [1]}}, "b, which is a choice")],
)
def test_a_space_without_directions_is_refused(space, hint):
    with pytest.raises(InputError, match=hint):
        check_cma_es(options(space=space))


def test_a_package_that_is_not_installed_is_one_clear_error(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "cmaes":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"embedworks\[search\]"):
        check_cma_es(options())
