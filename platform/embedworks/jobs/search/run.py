"""The door of the search: trials under Ray Tune, and the states of the best one's stages."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from embedworks.catalog import PLUGIN_PATH
from embedworks.errors import InputError
from embedworks.jobs.context import Context
from embedworks.jobs.portable import portable_text
from embedworks.jobs.schedule import cluster_cpus, stage_cpus
from embedworks.jobs.search.options import SearchOptions
from embedworks.jobs.search.record import (
    TrialRecord,
    best_of,
    load_records,
    trials_folder,
)
from embedworks.jobs.search.space import searched_stages
from embedworks.jobs.search.suggest import Suggestions, count_trials, fixed_values, new_scheduler
from embedworks.jobs.search.trial import Shared, is_finished
from embedworks.jobs.search.tuning import run_trials
from embedworks.jobs.state import load_state


def search(context: Context, *, fresh: bool) -> dict[str, Any]:
    """Run the trials that are not done; the best one's stages join ``context.states``.

    Returns:
        What the search found, as the job's results show it.

    Raises:
        InputError: if the cluster is too small, or no trial was done.
    """
    options = context.job.search
    assert options is not None
    root = trials_folder(context.job)
    if fresh:
        shutil.rmtree(root, ignore_errors=True)
    check_cluster(context, options)
    seed = context.job.seed if options.seed is None else options.seed
    found = load_records(root, options.trials)
    fixed, trials = fixed_values(options, seed, found), count_trials(options)
    shared = shared_by_trials(context)
    if (
        [record.values for record in found] == fixed
        and len(fixed) == trials
        and all(is_finished(context, shared, record) for record in found)
    ):
        context.reporter.note(f"search: {trials} trials done before")
    else:
        context.reporter.note(f"search: {trials} trials, {options.parallel} at a time")
        suggestions = Suggestions(options, seed, fixed)
        run_trials(shared, options, suggestions, new_scheduler(options), context.reporter.note)
        found = load_records(root, options.trials)
        for record in found:
            if record.status == "running":  # Tune is done with all of them
                give_up(context, shared, record)
    best = best_of(found)
    if best is None:
        errors = {record.error for record in found if record.error}
        raise InputError(f"no trial of the search was done: {'; '.join(sorted(errors))}")
    for stage in searched_stages(context.job):
        context.states[stage.name] = load_state(root / str(best.number) / stage.name)
    return log_search(context, found, best)


def give_up(context: Context, shared: Shared, record: TrialRecord) -> None:
    """Close what a trial left open that the scheduler stopped: Tune may have killed its process."""
    folder = shared.root / str(record.number)
    record.status = "stopped"
    record.save(folder)
    for name in shared.stages:
        state = load_state(folder / name)
        if state.status == "running":
            state.status = "failed"
            state.save(folder / name)
            context.tracker.end(state.run_id, "KILLED")
    context.tracker.end(record.run_id, "KILLED")


def shared_by_trials(context: Context) -> Shared:
    """What trials are told."""
    names = tuple(stage.name for stage in searched_stages(context.job))
    states = {name: state for name, state in context.states.items() if name not in names}
    return Shared(
        text=portable_text(context.job),
        root=trials_folder(context.job),
        stages=names,
        states=states,
        run_id=context.run_id,
        experiment=context.job.tracking.experiment or context.job.name,
        plugins=os.environ.get(PLUGIN_PATH, ""),
    )


def check_cluster(context: Context, options: SearchOptions) -> None:
    """Trials that run at a time must fit at once, or each could hold what another one waits for.

    Raises:
        InputError: if they do not.
    """
    needs = [stage_cpus(stage) for stage in searched_stages(context.job)]
    need, have = options.parallel * max(needs), cluster_cpus()
    if need > have:
        raise InputError(
            f"the cluster has {have:g} CPUs and {options.parallel} trials at a time need {need:g}",
            where=context.loaded.source.locate(("search", "parallel")),
            expected="fewer trials at a time, fewer workers, or a larger cluster",
        )


def log_search(context: Context, found: list[TrialRecord], best: TrialRecord) -> dict[str, Any]:
    """Tell and log which trial won."""
    context.reporter.note(f"  best: {best.in_words()}")
    told: dict[str, Any] = {"best": best.number, "score": best.score, "values": best.values}
    told["trials"] = [record.model_dump(exclude={"mark", "looks"}) for record in found]
    context.tracker.tags(
        context.run_id, {"search.best": str(best.number), "search.values": json.dumps(best.values)}
    )
    context.tracker.artifact(context.run_id, "trials.json", json.dumps(told, indent=2))
    context.tracker.metrics(context.run_id, {"search/score": float(best.score or 0)})
    return told
