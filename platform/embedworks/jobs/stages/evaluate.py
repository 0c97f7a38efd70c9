"""The evaluate stage: every model on every task, one Ray task a model."""

from __future__ import annotations

import dataclasses
from typing import Any

from embedworks.evaluation.find import find_task
from embedworks.jobs.context import Context
from embedworks.jobs.schema import EvaluateStage
from embedworks.jobs.state import StageState


def run(context: Context, stage: EvaluateStage, state: StageState) -> dict[str, Any]:
    """Score the models; returns model -> list of scores."""
    import ray

    from embedworks.evaluation.evaluate import evaluate_model

    needed = {name for task in stage.tasks for name in find_task(task).corpora}
    corpora = {name: context.corpus(stage.corpora.get(name, name)) for name in sorted(needed)}
    remote = ray.remote(num_cpus=1)(evaluate_model)
    waiting = {
        remote.remote(context.model(model), stage.tasks, stage.pairs, corpora, stage.precision): model
        for model in stage.models
    }
    scores: dict[str, list[dict[str, Any]]] = {}
    while waiting:
        (ready,), _ = ray.wait(list(waiting))
        model = waiting.pop(ready)
        scores[model] = [dataclasses.asdict(score) for score in ray.get(ready)]
        _log(context, state, model, scores[model])
    return {"scores": {model: scores[model] for model in stage.models}}


def _log(context: Context, state: StageState, model: str, scores: list[dict[str, Any]]) -> None:
    name = model.rpartition("/")[2]
    numbers = {f"{name}/{s['task']}/{s['layers']}x{s['dimensions']}": s["value"] for s in scores}
    for s in scores:
        at = f"{name}/{s['task']}"
        numbers |= {f"{at}/{key}/{s['layers']}x{s['dimensions']}": v for key, v in s["others"].items()}
    context.tracker.metrics(state.run_id, numbers)
    full: dict[str, float] = {}
    for score in scores:  # pairs go from small to large, so the last one of a task is the largest
        full[score["task"]] = score["value"]
    text = ", ".join(f"{task} {value:.4f}" for task, value in full.items())
    context.reporter.note(f"  {name}: {text}")
