"""The evaluate stage: every model on every task, one Ray task a model, and each against a reference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from embedworks.embedder import Pair
from embedworks.evaluation.find import find_task
from embedworks.jobs.comparisons import as_lines, compare_each, row_numbers
from embedworks.jobs.context import Context
from embedworks.jobs.schema import EvaluateStage
from embedworks.jobs.scores import Scores, as_stored, in_words, named_numbers
from embedworks.jobs.state import SAMPLES, SCORES_FILE, StageState
from embedworks.named import short_name


def run(context: Context, stage: EvaluateStage, state: StageState) -> dict[str, Any]:
    """Score the models; returns model -> list of scores, and the comparisons that were asked for."""
    folders = {model: context.model(model) for model in stage.models}
    keep = context.folder(stage) / SAMPLES
    keep.mkdir(parents=True, exist_ok=True)
    scores: dict[str, Scores] = {}
    for model, found in score_models(context, stage, folders, keep, stage.pairs):
        scores[model] = found
        _log(context, state, model, found)
    result: dict[str, Any] = {"scores": {model: scores[model] for model in stage.models}}
    result |= _compare(context, stage, state, scores) if stage.compare else {}
    # For reports where the stage's folder is not.
    context.tracker.artifact(state.run_id, SCORES_FILE, json.dumps(result, indent=2))
    return result | {SAMPLES: str(keep)}


def score_models(
    context: Context,
    stage: EvaluateStage,
    folders: Mapping[str, Path],
    keep: Path,
    pairs: tuple[Pair, ...] | None,
) -> Iterator[tuple[str, Scores]]:
    """Evaluate models as the stage says; yields name and scores of each as it is done.

    Args:
        context: The job.
        stage: Its tasks, corpora, precision and longest input.
        folders: Name -> embedder folder.
        keep: Receives a folder of samples for each model.
        pairs: (layers, dimensions) to read them at; None for their full size.
    """
    import ray

    from embedworks.evaluation.evaluate import evaluate_model
    from embedworks.evaluation.subjects import Access

    needed = {name for task in stage.tasks for name in find_task(task).corpora}
    corpora = {name: context.corpus(stage.corpora.get(name, name)) for name in sorted(needed)}
    remote = ray.remote(num_cpus=1, scheduling_strategy="DEFAULT")(evaluate_model)
    access = Access(max_length=stage.max_length)
    waiting = {}
    for number, (model, folder) in enumerate(folders.items()):
        samples = keep / f"{number}-{short_name(model)}"
        work = (folder, stage.tasks, pairs, corpora, stage.precision)
        task = remote.remote(*work, keep=samples, access=access)
        waiting[task] = model
    while waiting:
        (ready,), _ = ray.wait(list(waiting))
        yield waiting.pop(ready), as_stored(ray.get(ready))


def _log(context: Context, state: StageState, model: str, scores: Scores) -> None:
    name = short_name(model)
    context.tracker.metrics(state.run_id, named_numbers(scores, name))
    context.reporter.note(f"  {name}: {in_words(scores)}")


def _compare(
    context: Context, stage: EvaluateStage, state: StageState, scores: Mapping[str, Scores]
) -> dict[str, Any]:
    """Each model against the reference; p is corrected over all models and tasks together."""
    options = stage.compare
    assert options, "asked for"
    ordered = {model: scores[model] for model in stage.models}
    found = compare_each(ordered, options.to, **options.model_dump(exclude={"to"}))
    for model, rows in found.items():
        name, to = short_name(model), short_name(options.to)
        context.tracker.metrics(state.run_id, row_numbers(rows, f"compare/{name}"))
        context.reporter.note(f"  {name} against {to}:")
        for line in as_lines(rows, options.level):
            context.reporter.note(f"    {line}")
    return {"comparisons": {"to": options.to, "models": found}}
