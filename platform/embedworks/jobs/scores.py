"""Scores as stages keep them: lists of what :class:`embedworks.evaluation.evaluate.Score` holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedworks.evaluation.evaluate import Score

Scores = list[dict[str, Any]]


def as_stored(scores: Iterable[Score]) -> Scores:
    """Scores as JSON can hold them."""
    stored = [dataclasses.asdict(score) for score in scores]
    return [one | {"samples": str(one["samples"]) if one["samples"] else None} for one in stored]


def full_size(scores: Scores) -> dict[str, dict[str, Any]]:
    """Task -> its score at the largest pair that was evaluated."""
    largest = max((score["layers"], score["dimensions"]) for score in scores)
    return {s["task"]: s for s in scores if (s["layers"], s["dimensions"]) == largest}


def full_size_score(scores: Scores, metric: str) -> float:
    """The metric at the largest pair that was evaluated; ``mean`` is over the tasks."""
    full = {task: score["value"] for task, score in full_size(scores).items()}
    return float(sum(full.values()) / len(full) if metric == "mean" else full[metric])


def named_numbers(scores: Scores, prefix: str) -> dict[str, float]:
    """Every number under the name that curves and tables show: ``prefix/task/4x32``."""
    numbers = {f"{prefix}/{s['task']}/{s['layers']}x{s['dimensions']}": s["value"] for s in scores}
    for s in scores:
        at = f"{prefix}/{s['task']}"
        numbers |= {f"{at}/{key}/{s['layers']}x{s['dimensions']}": v for key, v in s["others"].items()}
    return numbers


def in_words(scores: Scores) -> str:
    """The tasks' scores at the largest pair, in a line."""
    full: dict[str, float] = {}
    for score in scores:  # pairs go from small to large, so the last one of a task is the largest
        full[score["task"]] = score["value"]
    return ", ".join(f"{task} {value:.4f}" for task, value in full.items())
