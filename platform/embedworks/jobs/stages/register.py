"""The register stage: the best evaluated model becomes the next version of a registered one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.folder import load_embedder, read_settings, weights_digest
from embedworks.jobs.comparisons import as_lines, row_numbers
from embedworks.jobs.context import Context
from embedworks.jobs.gates import GateNotMet, Verdict, judge
from embedworks.jobs.schema import EvaluateStage, RegisterStage
from embedworks.jobs.scores import Scores, full_size, full_size_score
from embedworks.jobs.stages.evaluate import score_models
from embedworks.jobs.state import REGISTRATION_FILE, SAMPLES, StageState
from embedworks.tracking.registry import alias_holder, model_folder, register


def run(context: Context, stage: RegisterStage, state: StageState) -> dict[str, Any]:
    """Choose by the metric at full size, register, and move the alias if the gate lets it."""
    scores = context.result(stage.from_)["scores"]
    candidates = stage.candidates or tuple(scores)
    values = {model: full_size_score(scores[model], stage.metric) for model in candidates}
    winner = max(values, key=lambda model: values[model])
    verdict = _ask_gate(context, stage, winner) if stage.require else None
    alias = stage.alias if verdict is None or verdict.passed else None
    tags = {"stage": winner, "metric": stage.metric, "value": f"{values[winner]:.6f}"}
    if verdict:
        tags["gate"] = f"{'passed' if verdict.passed else 'not met'}: {verdict.reason}"
    model_id, version = _register(context, stage, state, winner, alias, tags)
    context.tracker.metrics(
        state.run_id, {f"candidate/{k.rpartition('/')[2]}": v for k, v in values.items()}
    )
    address = f"models:/{stage.model}" + (f"@{alias}" if alias else f"/{version}")
    context.reporter.note(f"  {address} = {winner} ({stage.metric} {values[winner]:.4f})")
    state.result = {
        "model": stage.model,
        "version": version,
        "winner": winner,
        "embedder": str(context.model(winner)),
        "model_id": model_id,
        "values": values,
        "uri": address,
    }
    if verdict:
        state.result["gate"] = dataclasses.asdict(verdict)
    context.tracker.artifact(state.run_id, REGISTRATION_FILE, json.dumps(state.result, indent=2))
    if verdict:
        _tell(context, stage, state, verdict)
    return state.result


def _register(
    context: Context,
    stage: RegisterStage,
    state: StageState,
    winner: str,
    alias: str | None,
    tags: dict[str, str],
) -> tuple[str, str]:
    """Id and version of the registered model; one that failed the job before is not registered again."""
    client, before = context.tracker.client, state.result
    if before.get("winner") == winner and not before.get("gate", {}).get("passed", True):
        version = str(before["version"])
        if alias:
            context.tracker.patiently(
                lambda: client.set_registered_model_alias(stage.model, alias, version)
            )
        return before["model_id"], version
    source = context.states.get(winner)
    if source:
        model_id, run_id = source.result["model_id"], source.run_id
    else:  # a model from outside won: it is logged here first
        name = winner.rpartition("/")[2]
        model_id = context.tracker.log_embedder(state.run_id, context.model(winner), name, {})
        run_id = state.run_id
    return model_id, context.tracker.patiently(
        lambda: register(client, model_id, run_id, stage.model, alias, tags)
    )


def _ask_gate(context: Context, stage: RegisterStage, winner: str) -> Verdict:
    options, scores = stage.require, context.result(stage.from_)["scores"]
    assert options, "it is asked only then"
    assert stage.alias, "the job was checked"
    rival = options.better_than or stage.alias
    if rival in scores:
        return judge(options, scores[winner], scores[rival], rival)
    client = context.tracker.client
    version = context.tracker.patiently(lambda: alias_holder(client, stage.model, rival))
    if version is None:
        return Verdict(True, f"no model is {stage.model}@{rival} yet")
    name = f"{stage.model}@{rival} (version {version})"
    folder = model_folder(f"models:/{stage.model}/{version}", context.tracker.uri)
    return judge(options, scores[winner], _rival_scores(context, stage, winner, folder), name)


def _rival_scores(context: Context, stage: RegisterStage, winner: str, folder: Path) -> Scores:
    """The scores of the alias's holder: those of the evaluate stage if it was there, else computed now."""
    evaluated = context.job.stage(stage.from_)
    assert isinstance(evaluated, EvaluateStage), "the job was checked"
    scores = context.result(stage.from_)["scores"]
    for model in evaluated.models:
        if _is_same(context.model(model), folder):
            return list(scores[model])
    context.reporter.note(f"  evaluating {stage.model}@{stage.alias} on the same data")
    first = next(iter(full_size(scores[winner]).values()))
    pairs = ((first["layers"], first["dimensions"]),) if evaluated.pairs else None
    if pairs and not _has_pair(folder, *pairs[0]):
        pairs = None
    keep = context.folder(stage) / SAMPLES
    ((_, found),) = score_models(context, evaluated, {str(stage.alias): folder}, keep, pairs)
    return found


def _is_same(one: Path, other: Path) -> bool:
    return weights_digest(one) == weights_digest(other) and read_settings(one)[0] == read_settings(other)[0]


def _has_pair(folder: Path, layers: int, dimensions: int) -> bool:
    try:
        load_embedder(folder).check_pair(layers, dimensions)
    except InputError:
        return False
    return True


def _tell(context: Context, stage: RegisterStage, state: StageState, verdict: Verdict) -> None:
    outcome = "passed" if verdict.passed else f"not met, {stage.model}@{stage.alias} stays"
    context.reporter.note(f"  gate {outcome}: {verdict.reason}")
    for line in as_lines(verdict.rows) if verdict.rows else ():
        context.reporter.note(f"    {line}")
    context.tracker.tags(state.run_id, {"gate": f"{outcome}: {verdict.reason}"})
    context.tracker.metrics(
        state.run_id, {"gate/passed": float(verdict.passed)} | row_numbers(verdict.rows, "gate")
    )
    assert stage.require, "it was asked"
    if not verdict.passed and stage.require.else_ == "fail":
        raise GateNotMet(verdict.reason)
