"""Which values come next, in the words of Ray Tune: drawn, of a grid, Optuna's or those of CMA-ES."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from embedworks.errors import InputError
from embedworks.jobs.search.generations import Generations
from embedworks.jobs.search.options import Domain, SearchOptions, SpaceOptions
from embedworks.jobs.search.record import TrialRecord, known_values
from embedworks.jobs.search.space import Values, draw, grid

NUMBER, VALUES, SCORE, LOOK = "number", "values", "score", "look"
MAX = "max"  # every task's score is better when it is larger
FAR = 1_000_000  # looks that no trial reaches: asha would end a trial that does


class Suggestions(Searcher):
    """Numbers the trials, gives those whose values are fixed these, and asks for the others'.

    Args:
        options: The search.
        seed: Of the values that are drawn.
        fixed: Values by number of trial; see :func:`fixed_values`.
    """

    def __init__(self, options: SpaceOptions, seed: int, fixed: Sequence[Values]) -> None:
        super().__init__(metric=SCORE, mode=MAX)
        self.options = options
        self.fixed = list(fixed)
        self.given = 0
        self.inner = optuna_search(options, seed, fixed) if options.algorithm == "optuna" else None
        self.generations = Generations(options, seed) if options.algorithm == "cma-es" else None

    def set_search_properties(
        self,
        metric: str | None,  # noqa: ARG002  (fixed)
        mode: str | None,  # noqa: ARG002
        config: dict[str, Any],  # noqa: ARG002
        **spec: Any,  # noqa: ARG002
    ) -> bool:
        """Whatever Tune says, the search is fixed by its options."""
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Number and values of the next trial; None while it has to wait for others."""
        values = self._values(trial_id)
        if values is None:
            return None
        number = self.given
        self.given += 1
        return {NUMBER: number, VALUES: values}

    def _values(self, trial_id: str) -> Values | None:
        if self.generations is not None:  # it proposes known values again, once it was told their scores
            return self.generations.suggest(trial_id)
        # Optuna is asked about fixed values as well: it has to know the trial whose score it will be told.
        values = decoded(self.options, self.inner.suggest(trial_id)) if self.inner else {}
        return self.fixed[self.given] if self.given < len(self.fixed) else values

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """An evaluation during training; TPE does not use it."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """A trial ended."""
        if self.inner is not None:
            self.inner.on_trial_complete(trial_id, result, error)
        if self.generations is not None:
            self.generations.tell(trial_id, (result or {}).get(SCORE, math.nan))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a search goes on from the records of its trials."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, as well."""


def fixed_values(options: SpaceOptions, seed: int, found: list[TrialRecord]) -> list[Values]:
    """Values that are known beforehand: all that are drawn or of a grid, else those of earlier trials."""
    if options.algorithm == "random":
        return [draw(options, seed, number) for number in range(options.trials)]
    if options.algorithm == "grid":
        return grid(options)
    return known_values(options, found)


def count_trials(options: SpaceOptions) -> int:
    """How many trials a search has."""
    return len(grid(options)) if options.algorithm == "grid" else options.trials


def optuna_search(options: SpaceOptions, seed: int, fixed: Sequence[Values]) -> Any:
    """Optuna's TPE sampler, which takes up the fixed values first.

    Raises:
        InputError: if Optuna is not installed.
    """
    require_optuna()
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {path: distribution(domain) for path, domain in options.space.items()}
    points = [encoded(options, values) for values in fixed]
    # Begun anew from the same state, the sampler would draw the values of the first trials again.
    drawn = int(np.random.SeedSequence([seed, len(fixed)]).generate_state(1)[0])
    return OptunaSearch(space, metric=SCORE, mode=MAX, points_to_evaluate=points or None, seed=drawn)


def require_optuna() -> None:
    """Refuse a search that needs Optuna where it is not installed.

    Raises:
        InputError: saying how to get it.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        what = "search.algorithm is optuna, and Optuna is not installed"
        raise InputError(what, expected="pip install 'embedworks[search]', or algorithm: random") from error


def distribution(domain: Domain) -> Any:
    """A domain as Optuna knows it; choices by index, for Optuna takes no lists."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if domain.choice is not None:
        return CategoricalDistribution(tuple(range(len(domain.choice))))
    low, high = domain.bounds
    if domain.is_whole:
        return IntDistribution(int(low), int(high), log=domain.is_log)
    return FloatDistribution(low, high, log=domain.is_log)


def encoded(options: SpaceOptions, values: Values) -> Values:
    """Values as Optuna is given them."""
    texts = {
        path: [json.dumps(one) for one in domain.choice]
        for path, domain in options.space.items()
        if domain.choice is not None
    }
    return {
        path: texts[path].index(json.dumps(value)) if path in texts else value
        for path, value in values.items()
    }


def decoded(options: SpaceOptions, values: Values) -> Values:
    """Values as the job is given them."""
    choices = {path: domain.choice for path, domain in options.space.items()}
    return {path: value if (c := choices[path]) is None else c[value] for path, value in values.items()}


def new_scheduler(options: SearchOptions) -> TrialScheduler:
    """What may stop a trial before its end."""
    if options.scheduler == "none":
        return FIFOScheduler()
    return ASHAScheduler(
        time_attr=LOOK,
        metric=SCORE,
        mode=MAX,
        max_t=FAR,
        grace_period=options.grace,
        reduction_factor=options.reduction,
    )
