"""The merge stage: by formula, as a soup, by a search of parameters, or by a system that trains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from embedworks.embedder import Lineage
from embedworks.folder import read_lineage
from embedworks.jobs.context import Context
from embedworks.jobs.merging.attempts import SCORE, attempts_of
from embedworks.jobs.merging.checks import is_greedy
from embedworks.jobs.merging.goal import goal_of
from embedworks.jobs.merging.measure import measure_models
from embedworks.jobs.merging.nodes import merge_options
from embedworks.jobs.merging.search import search_merge
from embedworks.jobs.merging.settings import is_formula, recipe_of
from embedworks.jobs.merging.soup import greedy_soup, soup_recipe
from embedworks.jobs.merging.space import axes_of, flat, with_values
from embedworks.jobs.references import model_references
from embedworks.jobs.schema import MergeStage
from embedworks.jobs.search.record import TrialRecord
from embedworks.jobs.stages.train import minimise
from embedworks.jobs.state import StageState
from embedworks.merging.merge import merge
from embedworks.merging.method import find_method
from embedworks.merging.recipe import Recipe
from embedworks.merging.report import REPORT_FILE
from embedworks.objective import Start


def run(context: Context, stage: MergeStage, state: StageState) -> dict[str, Any]:
    """Merge embedders."""
    if is_greedy(stage.method):
        return _soup(context, stage, state)
    if is_formula(stage.method):
        return _formula(context, stage, state)
    base = context.model(stage.base) if stage.base else None
    parents = tuple(context.model(model) for model in stage.model_names)
    lineage = [context.parent(model) for model in stage.model_names]
    start = Start(base=base, parents=parents, seed=context.job.seed)
    context.tracker.metrics(state.run_id, samples_seen(context, stage))
    return minimise(
        context, stage, state, stage.method, stage.parameters, start, stage.probe or (), lineage
    )


def samples_seen(context: Context, stage: MergeStage) -> dict[str, float]:
    """How many samples each model was trained on, by its position, where its lineage says.

    Beside the norms of the task vectors, this shows how far each moved by the amount of its data.
    """
    found = {}
    for number, name in enumerate(stage.model_names):
        lineage = read_lineage(context.model(name))
        stages = lineage.job.get("stages", ())
        for block in stages if isinstance(stages, list) else ():
            if block.get("name") == lineage.stage and block.get("steps") and not block.get("batch_tokens"):
                found[f"samples/{number}"] = float(block["steps"] * block["batch_size"])
    return found


def _formula(context: Context, stage: MergeStage, state: StageState) -> dict[str, Any]:
    folders = _folders(context, stage)
    statistics = measure_models(context, stage, state, folders)
    recipe = recipe_of(stage)
    if stage.search is None:
        return _keep(context, stage, state, recipe, folders, statistics)
    axes = axes_of(stage.search, find_method(stage.method), len(stage.models or ()))
    attempts = attempts_of(context, stage, state, goal_of(context, stage), folders, statistics)
    seed = context.job.seed if stage.search.seed is None else stage.search.seed
    best, found = search_merge(
        attempts, recipe, axes, flat(stage.search, axes), seed, context.reporter.note
    )
    told = _log_tries(context, state, best, found)
    recipe = with_values(recipe, axes, best.values)
    return _keep(context, stage, state, recipe, folders, statistics, best.score) | told


def _soup(context: Context, stage: MergeStage, state: StageState) -> dict[str, Any]:
    folders = _folders(context, stage)
    attempts = attempts_of(context, stage, state, goal_of(context, stage), folders, {})
    soup, trace = greedy_soup(attempts, stage.model_names, context.reporter.note)
    named = {record.values["models"]: record for record in trace}
    best = named[" + ".join(soup)]
    told = _log_tries(context, state, best, trace)
    kept = _keep(context, stage, state, soup_recipe(soup), folders, {}, best.score)
    return kept | told | {"soup": soup}


def _keep(
    context: Context,
    stage: MergeStage,
    state: StageState,
    recipe: Recipe,
    folders: Mapping[str, Path],
    statistics: Mapping[str, Path],
    score: float | None = None,
) -> dict[str, Any]:
    """Merge into the stage's folder and log the embedder; what the stage gives."""
    metrics = {} if score is None else {SCORE: score}
    lineage = Lineage(
        job=context.job.model_dump(mode="json", by_alias=True),
        stage=stage.name,
        run_id=state.run_id,
        parents=[context.parent(name) for name in recipe.merged()],
        corpora=context.digests(stage.probe or ()),
        metrics=metrics,
    )
    merged = merge(
        recipe,
        folders.__getitem__,
        context.folder(stage) / "embedder",
        lineage=lineage,
        seed=context.job.seed,
        statistics=statistics,
        report=True,
        replace=True,
        **merge_options(),
    )
    report = (merged.folder / REPORT_FILE).read_text(encoding="utf-8")
    context.tracker.artifact(state.run_id, REPORT_FILE, report)
    if merged.done.report:
        context.tracker.metrics(state.run_id, merged.done.report.metrics())
    for note in merged.notes:
        context.reporter.note(f"  {note}")
    written = recipe.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    context.tracker.artifact(state.run_id, "recipe.yaml", yaml.safe_dump(written, sort_keys=False))
    model_id = context.tracker.log_embedder(state.run_id, merged.folder, stage.name, metrics)
    return {"embedder": str(merged.folder), "model_id": model_id, "recipe": written}


def _folders(context: Context, stage: MergeStage) -> dict[str, Path]:
    """Every model that the stage names, by that name."""
    return {name: context.model(name) for _, name in model_references(stage)}


def _log_tries(
    context: Context, state: StageState, best: TrialRecord, found: Sequence[TrialRecord]
) -> dict[str, Any]:
    told = {
        "best": best.number,
        "score": best.score,
        "values": best.values,
        "trials": [record.model_dump(exclude={"mark", "looks"}) for record in found],
    }
    context.tracker.artifact(state.run_id, "trials.json", json.dumps(told, indent=2))
    context.tracker.metrics(state.run_id, {SCORE: float(best.score or 0.0)})
    for record in found:
        if record.score is not None:
            context.tracker.metrics(state.run_id, {f"{SCORE}/tried": record.score}, record.number)
    return {"search": told}
