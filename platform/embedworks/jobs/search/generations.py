"""CMA-ES over a space of numbers, in whole generations (Hansen, arXiv 1604.00772).

What a generation tries follows from the scores of those before it and from nothing else, so a search is
the same however many trials run at a time, and goes on after a kill by being told its scores again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from embedworks.errors import InputError
from embedworks.jobs.search.options import Domain, SpaceOptions
from embedworks.jobs.search.space import Values

MIDDLE, SPREAD = 0.5, 0.3  # of the first generation, where every range is from 0 to 1


class Generations:
    """Proposes values and is told scores, by trial.

    Args:
        options: A space of two ranges or more.
        seed: Of what is drawn.

    Raises:
        InputError: if cmaes is not installed or the space does not suit.
    """

    def __init__(self, options: SpaceOptions, seed: int) -> None:
        check_cma_es(options)
        from cmaes import CMA

        self.space = options.space
        count = len(self.space)
        self._search = CMA(
            mean=np.full(count, MIDDLE),
            sigma=SPREAD,
            bounds=np.tile([0.0, 1.0], (count, 1)),
            seed=seed % 2**32,
            population_size=options.population,
        )
        self._asked: dict[str, Any] = {}
        self._scores: dict[str, float] = {}

    def suggest(self, trial_id: str) -> Values | None:
        """Values of the next trial; None while the generation before it is not done."""
        if len(self._asked) == self._search.population_size:
            if len(self._scores) < len(self._asked):
                return None
            self._next_generation()
        place_N = self._search.ask()
        self._asked[trial_id] = place_N
        return {
            key: at(domain, float(x)) for (key, domain), x in zip(self.space.items(), place_N, strict=True)
        }

    def tell(self, trial_id: str, score: float) -> None:
        """How well a trial did, more being better; not a number if it failed."""
        self._scores[trial_id] = score

    def _next_generation(self) -> None:
        # In the order of asking: which of two equal trials counts more must not depend on timing.
        losses = [-self._scores[trial_id] for trial_id in self._asked]
        losses = [math.inf if math.isnan(loss) else loss for loss in losses]
        self._search.tell(list(zip(self._asked.values(), losses, strict=True)))
        self._asked, self._scores = {}, {}


def at(domain: Domain, share: float) -> Any:
    """The value at a share, 0 to 1, of a range."""
    low, high = domain.bounds
    if domain.is_log:
        value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    else:
        value = low + share * (high - low)
    value = min(max(value, low), high)  # rounding may step over an end
    return round(value) if domain.is_whole else value


def check_cma_es(options: SpaceOptions) -> None:
    """Refuse a space that has no directions, or fewer than two.

    Raises:
        InputError: naming another algorithm, or how to get the package.
    """
    choices = [key for key, domain in options.space.items() if domain.choice is not None]
    if choices or len(options.space) < 2:
        found = f"{choices[0]}, which is a choice" if choices else "one number"
        raise InputError(
            f"cma-es is to search {found}", expected="two ranges or more, or algorithm: optuna"
        )
    try:
        import cmaes  # noqa: F401
    except ImportError as error:
        what = "search.algorithm is cma-es, and the package cmaes is not installed"
        raise InputError(what, expected="pip install 'embedworks[search]', or algorithm: random") from error
