"""Scores of a job's models as a table, and each model against the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.evaluation.suites import family_means
from embedworks.jobs.comparisons import MEAN, OVER_TASKS
from embedworks.jobs.scores import Scores, full_size
from embedworks.report.data import Difference, ModelDifferences, ScoreRow, ScoreTable
from embedworks.report.gathering.source import Source, StageRecord

HELD_OUT = "held-out"


def all_scores(source: Source) -> dict[str, Scores]:
    """Model -> its scores in all stages; of a task that several stages score, those of the first."""
    found: dict[str, Scores] = {}
    stages = [s for s in source.of("evaluate") if s.result] or list(source.of("train", "merge"))
    for stage in stages:
        for model, scores in (stage.result.get("scores") or {}).items():
            known = {(one["task"], one["layers"], one["dimensions"]) for one in found.get(model, [])}
            found.setdefault(model, []).extend(
                _here(one)
                for one in scores
                if one["task"] != HELD_OUT and (one["task"], one["layers"], one["dimensions"]) not in known
            )
    return {model: scores for model, scores in found.items() if scores}


def _here(score: Mapping[str, Any]) -> dict[str, Any]:
    """The score, without samples that are not on this machine."""
    file = score.get("samples")
    return {**score, "samples": file if file and Path(str(file)).is_file() else None}


def reference_of(source: Source, scores: Mapping[str, Scores], to: str | None) -> str:
    """The model that others are compared with: the one asked for, that of a stage's ``compare``, the first.

    Raises:
        InputError: for a model that was not evaluated.
    """
    if to is not None:
        named = [name for name in scores if to in (name, name.rpartition("/")[2])]
        if not named:
            raise InputError(f"no scores of {to!r}", where="--to", name=to, known=scores)
        return named[0]
    asked = [stage.result.get("comparisons", {}).get("to") for stage in source.of("evaluate")]
    return next((name for name in asked if name in scores), next(iter(scores)))


def score_table(source: Source, scores: Mapping[str, Scores], reference: str) -> ScoreTable:
    """The models at their largest pairs."""
    full = {model: full_size(found) for model, found in scores.items()}
    tasks = list(dict.fromkeys(task for found in full.values() for task in found))
    about = {task: next(found[task] for found in full.values() if task in found) for task in tasks}
    means = {
        model: family_means({task: one["value"] for task, one in found.items()})
        for model, found in full.items()
    }
    # A family of one task says what its column says.
    families = [
        name for name in dict.fromkeys(n for m in means.values() for n in m) if _is_mean(name, tasks)
    ]
    rows = tuple(_row(source, model, full[model], tasks, families, means[model]) for model in full)
    ranked = [row for row in rows if row.model != reference and row.mean is not None]
    best = max(ranked, key=lambda row: row.mean or 0.0).model if ranked else reference
    return ScoreTable(
        reference=reference,
        best=best,
        tasks=tuple(tasks),
        metrics=tuple(str(about[task].get("metric", "")) for task in tasks),
        counts=tuple(int(about[task].get("n", 0)) for task in tasks),
        families=tuple(families),
        rows=rows,
    )


def _is_mean(family: str, tasks: Sequence[str]) -> bool:
    from embedworks.evaluation.suites import family_of

    return sum(family_of(task) == family for task in tasks) > 1


def _row(
    source: Source,
    model: str,
    found: Mapping[str, Mapping[str, Any]],
    tasks: Sequence[str],
    families: Sequence[str],
    means: Mapping[str, float],
) -> ScoreRow:
    values = [float(found[task]["value"]) if task in found else None for task in tasks]
    known = [value for value in values if value is not None]
    stage = source.find(model)
    return ScoreRow(
        model=model,
        kind=stage.kind if stage else "outside",
        values=tuple(values),
        mean=sum(known) / len(known) if len(known) == len(values) else None,
        families=tuple(means.get(name) for name in families),
        detail=detail(stage),
    )


def detail(stage: StageRecord | None) -> str:
    """What made a model, in a few words."""
    if stage is None:
        return "from outside"
    if stage.kind == "train":
        return f"trained, {stage.block.get('system')}"
    method = stage.block.get("method")
    return "merge" if method == stage.name else f"merge, {method}"


def as_differences(model: str, rows: Mapping[str, Mapping[str, Any]]) -> ModelDifferences:
    """Comparisons as a stage keeps them, as the page shows them."""
    found = {name: _difference(name, row) for name, row in rows.items() if name != OVER_TASKS}
    mean = found.pop(MEAN, None)
    return ModelDifferences(model, mean, tuple(found.values()))


def _difference(task: str, row: Mapping[str, Any]) -> Difference:
    names = ("low", "high", "p", "holm", "effect", "n")
    return Difference(task, row["difference"], **{name: row.get(name) for name in names})
