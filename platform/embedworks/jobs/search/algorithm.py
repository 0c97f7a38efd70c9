"""Whether the algorithm of a search can do what it is asked."""

from __future__ import annotations

from embedworks.errors import InputError
from embedworks.jobs.search.options import SpaceOptions


def check_algorithm(options: SpaceOptions, where: str) -> None:
    """Refuse an algorithm that is not installed or does not suit the space.

    Args:
        options: The search, with every key of its space.
        where: The place of the algorithm in the file, for the message.

    Raises:
        InputError: saying what to do instead.
    """
    # Only now: Ray Tune and what it brings need seconds to be imported.
    try:
        if options.algorithm == "optuna":
            from embedworks.jobs.search.suggest import require_optuna

            require_optuna()
        elif options.algorithm == "cma-es":
            from embedworks.jobs.search.generations import check_cma_es

            check_cma_es(options)
        elif options.algorithm == "grid":
            from embedworks.jobs.search.space import check_grid

            check_grid(options)
    except InputError as error:
        raise InputError(error.what, where=where, expected=error.expected) from error
