"""The greedy soup (Wortsman et al., arXiv 2203.05482, recipe 1): models are added while the goal allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from embedworks.errors import InputError
from embedworks.jobs.merging.attempts import Attempts
from embedworks.jobs.search.record import TrialRecord
from embedworks.merging.recipe import ModelEntry, Recipe

AT_A_TIME = 8  # models that are scored; Ray starts as many as there are CPUs


def greedy_soup(
    attempts: Attempts, models: Sequence[str], note: Callable[[str], None]
) -> tuple[list[str], list[TrialRecord]]:
    """Sort the models by their scores; add one where the average's score does not drop.

    Args:
        attempts: Merges and scores.
        models: Names; of two equally good ones the first goes first.
        note: Is told of every try.

    Returns:
        The models of the soup in the order they joined, and every try.

    Raises:
        InputError: if a model cannot be scored.
    """
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        trace = list(pool.map(lambda one: _try(attempts, *one), enumerate([name] for name in models)))
    for record in trace:
        note(f"  {record.in_words()}")
    ranked = sorted(zip(models, trace, strict=True), key=lambda one: -_score(one[1]))
    soup, best = [ranked[0][0]], _score(ranked[0][1])
    for name, _ in ranked[1:]:
        record = _try(attempts, len(trace), [*soup, name])
        trace.append(record)
        joins = _score(record) >= best
        note(f"  {record.in_words()}: {name} {'joins' if joins else 'stays out'}")
        if joins:
            soup, best = [*soup, name], _score(record)
    return soup, trace


def soup_recipe(models: Sequence[str]) -> Recipe:
    """The average of models."""
    entries = tuple(ModelEntry(model=name, parameters={"weight": 1.0}) for name in models)
    return Recipe(merge_method="linear", models=entries)


def _try(attempts: Attempts, number: int, models: Sequence[str]) -> TrialRecord:
    return attempts.score(number, {"models": " + ".join(models)}, soup_recipe(models))


def _score(record: TrialRecord) -> float:
    if record.score is None:
        raise InputError(f"{record.values['models']} cannot be scored: {record.error}")
    return record.score
