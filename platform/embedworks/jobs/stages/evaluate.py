"""The evaluate stage: every model on every task, one Ray task a model."""

from __future__ import annotations

import dataclasses
from typing import Any

from embedworks.evaluation.find import find_task
from embedworks.jobs.context import Context
from embedworks.jobs.schema import EvaluateStage
from embedworks.jobs.scores import in_words, named_numbers
from embedworks.jobs.state import StageState


def run(context: Context, stage: EvaluateStage, state: StageState) -> dict[str, Any]:
    """Score the models; returns model -> list of scores."""
    import ray

    from embedworks.evaluation.evaluate import evaluate_model

    needed = {name for task in stage.tasks for name in find_task(task).corpora}
    corpora = {name: context.corpus(stage.corpora.get(name, name)) for name in sorted(needed)}
    remote = ray.remote(num_cpus=1, scheduling_strategy="DEFAULT")(evaluate_model)
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
    context.tracker.metrics(state.run_id, named_numbers(scores, name))
    context.reporter.note(f"  {name}: {in_words(scores)}")
