"""Runs a job's stages in order, and on the next run goes on where it stopped.

A stage's fingerprint covers its own block, the job's seed, its corpora and the stages it reads. A stage
that is done under the same fingerprint is not run again; one that was killed goes on in its MLflow run
and, if it trains, at its newest checkpoint.
"""

from __future__ import annotations

import importlib
import shutil
import time
from pathlib import Path
from typing import Any

import yaml

from embedworks import __version__
from embedworks.catalog import find_objective
from embedworks.corpora.recipes import find_recipe
from embedworks.errors import dotted
from embedworks.folder import weights_digest
from embedworks.jobs.checks import evaluated
from embedworks.jobs.context import Context
from embedworks.jobs.load import LoadedJob
from embedworks.jobs.merging.settings import check_method
from embedworks.jobs.problems import Problem, refuse
from embedworks.jobs.references import corpora_of, inputs_of, model_references, stage_inputs
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.schedule import run_in_order
from embedworks.jobs.schema import CurateStage, MergeStage, Stage, TrainStage
from embedworks.jobs.search.algorithm import check_algorithm
from embedworks.jobs.search.record import TRIALS
from embedworks.jobs.search.space import before_search, check_space
from embedworks.jobs.stages.curate import check_filters
from embedworks.jobs.state import WORK, StageState, fingerprint, load_state
from embedworks.jobs.validate import validate_block
from embedworks.objective import ChunkedObjective
from embedworks.tracking.tracker import Tracker
from embedworks.training.deepspeed_config import check_deepspeed
from embedworks.training.options import RESULT_NEUTRAL


def check_job(loaded: LoadedJob) -> None:
    """Check, before anything runs, what only systems, methods and tasks can tell.

    Raises:
        InputError: naming the file, the line and the nearest right name.
    """
    if loaded.job.search:
        check_search(loaded)
    for name, corpus in loaded.job.corpora.items():
        place = ("corpora", name, "options")
        validate_block(find_recipe(corpus.source).Options, corpus.options, loaded.source, place)
    for stage in loaded.job.stages:
        if isinstance(stage, TrainStage | MergeStage) and stage.deepspeed:
            check_deepspeed(stage.deepspeed)
        if isinstance(stage, TrainStage):
            cls = find_objective(stage.system)
            path = loaded.path(stage.name, "objective")
            validate_block(cls.Config, stage.objective, loaded.source, path)
            check_chunks(loaded, stage)
            check_teacher(loaded, stage)
        elif isinstance(stage, MergeStage):
            check_method(loaded, stage)
        elif isinstance(stage, CurateStage):
            check_filters(loaded, stage)
        if scored := evaluated(stage):
            from embedworks.evaluation.find import find_task

            for task in scored[0]:
                find_task(task)


def check_teacher(loaded: LoadedJob, stage: TrainStage) -> None:
    """Refuse a teacher that the stage's system would not read.

    Raises:
        InputError: naming the file and the line.
    """
    if stage.teacher is not None and not find_objective(stage.system).reads_teacher:
        path = loaded.path(stage.name, "teacher")
        what = f"{dotted(path)} is set, and {stage.system} reads no teacher"
        refuse([Problem(path, what, "no teacher")], loaded.source)


def check_search(loaded: LoadedJob) -> None:
    """Check every job that a search may run.

    Raises:
        InputError: naming the key of the space, or what is not installed.
    """
    assert loaded.job.search is not None
    check_algorithm(loaded.job.search, loaded.source.locate(("search", "algorithm")))
    check_space(loaded, check_job)


def check_chunks(loaded: LoadedJob, stage: TrainStage) -> None:
    """Refuse chunks of an objective that cannot be cut into them.

    Raises:
        InputError: naming the system.
    """
    if stage.chunk_size and not issubclass(find_objective(stage.system), ChunkedObjective):
        path = loaded.path(stage.name, "chunk_size")
        what = f"{dotted(path)} is set, and {stage.system} does not compare samples"
        refuse([Problem(path, what, "no chunk_size")], loaded.source)


def run_job(
    loaded: LoadedJob,
    reporter: Reporter,
    *,
    fresh: bool = False,
    parent: str | None = None,
    shelf: dict[str, StageState] | None = None,
) -> dict[str, Any]:
    """Run a job; returns stage -> result, and what its search found as ``search``.

    Args:
        loaded: A checked job.
        reporter: Where progress is told.
        fresh: Run finished stages again.
        parent: MLflow run that the job's own is in, for a job of a larger experiment.
        shelf: Fingerprint -> finished stage of other jobs: one that is there is not run, and those that
            this job finishes are put there.
    """
    job = loaded.job
    folder = Path(job.output) / job.name
    tracker = Tracker(job.tracking.uri, job.tracking.experiment or job.name, folder, reporter.note)
    try:
        context = Context(
            loaded, tracker, reporter, parent_run=parent, shelf={} if shelf is None else shelf
        )
        return run_stages(context, folder, fresh)
    finally:
        if left := tracker.close():
            reporter.note(f"{left} entries have not reached MLflow; the next run of this job sends them")


def run_stages(context: Context, folder: Path, fresh: bool) -> dict[str, Any]:
    """Run the stages inside the job's own MLflow run; returns stage -> result."""
    job, tracker = context.job, context.tracker
    data = job.model_dump(mode="json", by_alias=True)
    state = load_state(folder)
    state.run_id = context.run_id = tracker.start(
        job.name, {"seed": job.seed}, context.parent_run, state.run_id
    )
    state.save(folder)
    # With every --set applied, so that this file alone runs the job again.
    tracker.artifact(context.run_id, "job.yaml", yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    found: dict[str, Any] = {}
    try:
        if job.search:
            found["search"] = search_first(context, fresh)
        run_in_order(context, lambda stage: run_stage(context, stage, fresh))
    except BaseException as error:
        tracker.end(context.run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
        raise
    tracker.end(context.run_id)
    return {stage.name: context.states[stage.name].result for stage in job.stages} | found


def search_first(context: Context, fresh: bool) -> dict[str, Any]:
    """Run what trials need, then the trials; the stages of the best one count as this job's."""
    from embedworks.jobs.search.run import search

    for stage in before_search(context.job):
        run_stage(context, stage, fresh)
    return search(context, fresh=fresh)


def run_stage(context: Context, stage: Stage, fresh: bool) -> None:
    """Run one stage, unless it is done on the same inputs."""
    folder = context.folder(stage)
    mark = stage_fingerprint(context, stage)
    state = load_state(folder)
    shared = context.shelf.get(mark)
    if not fresh and not state.is_done(mark) and shared and shared.is_done(mark):
        state = shared
        state.save(folder)
        context.tracker.tags(context.run_id, {f"shared.{stage.name}": state.run_id})
    if state.is_done(mark) and not fresh:
        context.states[stage.name] = context.shelf[mark] = state
        context.reporter.note(f"{stage.name} ({stage.kind}): done before")
        return
    if fresh:
        for old in (folder / WORK / mark, folder / TRIALS):
            shutil.rmtree(old, ignore_errors=True)
    if state.fingerprint != mark or fresh:
        state = StageState(fingerprint=mark)
    context.reporter.note(f"{stage.name} ({stage.kind})")
    start = time.monotonic()
    state.run_id = context.tracker.start(
        stage.name, stage.model_dump(mode="json", by_alias=True), context.run_id, state.run_id
    )
    state.status = "running"
    state.save(folder)
    context.tracker.tags(
        state.run_id, {f"corpus.{k}": v for k, v in context.digests(corpora_of(stage)).items()}
    )
    context.tracker.metrics(state.run_id, context.quarantined(corpora_of(stage)))
    run = importlib.import_module(f"embedworks.jobs.stages.{stage.kind}").run
    try:
        with context.tracker.system_metrics(state.run_id):
            state.result = run(context, stage, state)
    except BaseException as error:
        state.status = "failed"
        state.seconds += time.monotonic() - start
        state.save(folder)
        context.tracker.end(state.run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
        raise
    state.status = "done"
    state.seconds += time.monotonic() - start
    state.save(folder)
    context.tracker.end(state.run_id)
    context.states[stage.name] = context.shelf[mark] = state
    context.reporter.note(f"  {stage.name}: {time.monotonic() - start:.0f} s")


def stage_fingerprint(context: Context, stage: Stage) -> str:
    """Digest of all that the stage's result depends on."""
    inputs = {name: context.states[name].fingerprint for name in stage_inputs(stage, context.job)}
    outside = {
        reference: weights_digest(context.model(reference))
        for _, reference in model_references(stage)
        if reference not in context.states
    }
    block = stage.model_dump(mode="json", by_alias=True, exclude=set(RESULT_NEUTRAL))
    if block.get("teacher") is None:  # as before there were teachers: what was done stays done
        block.pop("teacher", None)
    if looks := block.pop("evaluate", None):
        block["evaluate"] = {key: value for key, value in looks.items() if key != "resources"}
    corpora = context.digests(inputs_of(stage))
    return fingerprint(block, context.job.seed, inputs, outside, corpora, __version__)
