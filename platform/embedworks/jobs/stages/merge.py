"""The merge stage: by formula, tensor by tensor, or by a system that searches for the position."""

from __future__ import annotations

from typing import Any

from embedworks.catalog import find_objective, systems
from embedworks.embedder import Lineage
from embedworks.errors import InputError
from embedworks.jobs.context import Context
from embedworks.jobs.load import LoadedJob
from embedworks.jobs.schema import MergeStage
from embedworks.jobs.stages.train import minimise
from embedworks.jobs.state import StageState
from embedworks.jobs.validate import validate_block
from embedworks.merging.merge import find_method, merge, method_names
from embedworks.objective import Start


def check_method(loaded: LoadedJob, stage: MergeStage) -> None:
    """Check the method's name and its parameters.

    Raises:
        InputError: naming the nearest method, or the line of the wrong parameter.
    """
    path = loaded.path(stage.name, "parameters")
    if stage.method in method_names():
        validate_block(find_method(stage.method).Config, stage.parameters, loaded.source, path)
        return
    known = [*method_names(), *systems()]
    if stage.method not in systems():
        raise InputError(
            f"unknown merge method {stage.method!r}",
            where=loaded.source.locate(loaded.path(stage.name, "method")),
            expected="a method or a system that searches",
            name=stage.method,
            known=known,
        )
    validate_block(find_objective(stage.method).Config, stage.parameters, loaded.source, path)
    if not (stage.base and stage.probe):
        raise InputError(
            f"{stage.method} searches: it needs `base:` and `probe:`",
            where=loaded.source.locate(loaded.path(stage.name, "method")),
        )


def run(context: Context, stage: MergeStage, state: StageState) -> dict[str, Any]:
    """Merge embedders."""
    models = tuple(context.model(model) for model in stage.models)
    base = context.model(stage.base) if stage.base else None
    parents = [context.parent(model) for model in stage.models]
    if stage.method not in method_names():
        start = Start(base=base, parents=models, seed=context.job.seed)
        return minimise(
            context, stage, state, stage.method, stage.parameters, start, stage.probe or (), parents
        )
    lineage = Lineage(
        job=context.job.model_dump(mode="json", by_alias=True),
        stage=stage.name,
        run_id=state.run_id,
        parents=parents,
    )
    folder = merge(
        stage.method, models, base, stage.parameters, context.folder(stage) / "embedder", lineage
    )
    model_id = context.tracker.log_embedder(state.run_id, folder, stage.name, {})
    return {"embedder": str(folder), "model_id": model_id}
