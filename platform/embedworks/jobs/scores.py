"""Scores as stages keep them: lists of what :class:`embedworks.evaluation.evaluate.Score` holds."""

from __future__ import annotations

from typing import Any

Scores = list[dict[str, Any]]


def full_size_score(scores: Scores, metric: str) -> float:
    """The metric at the largest pair that was evaluated; ``mean`` is over the tasks."""
    largest = max((score["layers"], score["dimensions"]) for score in scores)
    full = {s["task"]: s["value"] for s in scores if (s["layers"], s["dimensions"]) == largest}
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
