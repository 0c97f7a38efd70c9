"""The register stage: the best evaluated model becomes the next version of a registered one."""

from __future__ import annotations

from typing import Any

from embedworks.jobs.context import Context
from embedworks.jobs.schema import RegisterStage
from embedworks.jobs.scores import full_size_score
from embedworks.jobs.state import StageState
from embedworks.tracking.registry import register


def run(context: Context, stage: RegisterStage, state: StageState) -> dict[str, Any]:
    """Choose by the metric at full size, register, and move the alias."""
    scores = context.result(stage.from_)["scores"]
    candidates = stage.candidates or tuple(scores)
    values = {model: full_size_score(scores[model], stage.metric) for model in candidates}
    winner = max(values, key=lambda model: values[model])
    source = context.states.get(winner)
    if source:
        model_id, run_id = source.result["model_id"], source.run_id
    else:  # a model from outside won: it is logged here first
        name = winner.rpartition("/")[2]
        model_id = context.tracker.log_embedder(state.run_id, context.model(winner), name, {})
        run_id = state.run_id
    tags = {"stage": winner, "metric": stage.metric, "value": f"{values[winner]:.6f}"}
    client = context.tracker.client
    version = context.tracker.patiently(
        lambda: register(client, model_id, run_id, stage.model, stage.alias, tags)
    )
    context.tracker.metrics(
        state.run_id, {f"candidate/{k.rpartition('/')[2]}": v for k, v in values.items()}
    )
    alias = f"@{stage.alias}" if stage.alias else f"/{version}"
    context.reporter.note(
        f"  models:/{stage.model}{alias} = {winner} ({stage.metric} {values[winner]:.4f})"
    )
    return {
        "model": stage.model,
        "version": version,
        "winner": winner,
        "embedder": str(context.model(winner)),
        "model_id": model_id,
        "values": values,
        "uri": f"models:/{stage.model}{alias}",
    }
