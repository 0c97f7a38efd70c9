"""One trial of a search: some of the job's stages, with values of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from embedworks.errors import InputError
from embedworks.jobs.context import Context, Stopped
from embedworks.jobs.load import LoadedJob
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.scores import full_size_score
from embedworks.jobs.search.options import SearchOptions
from embedworks.jobs.search.record import TRIALS, TrialRecord, load_record
from embedworks.jobs.search.space import set_values
from embedworks.jobs.source import SourceMap
from embedworks.jobs.state import StageState, fingerprint, load_state
from embedworks.tracking.tracker import Tracker
from embedworks.training.options import RESULT_NEUTRAL


@dataclass(frozen=True)
class Shared:
    """What all trials of a search know.

    Attributes:
        text: The job as YAML with absolute paths.
        root: Folder of the trials.
        stages: The stages that a trial runs.
        states: Finished stages that these need.
        run_id: The job's MLflow run.
        experiment: MLflow experiment.
        plugins: ``EMBEDWORKS_PATH`` of the driver.
    """

    text: str
    root: Path
    stages: tuple[str, ...]
    states: dict[str, StageState]
    run_id: str
    experiment: str
    plugins: str

    def run(
        self,
        number: int,
        values: dict[str, Any],
        scored: Callable[[int, float], None],
        stopping: threading.Event,
    ) -> TrialRecord:
        """Run a trial; see :func:`run_trial`."""
        return run_trial(self, number, values, scored, stopping)

    def options(self) -> SearchOptions:
        """The search."""
        return SearchOptions.model_validate(yaml.safe_load(self.text)["search"])

    def trial(self, number: int, values: dict[str, Any]) -> LoadedJob:
        """The job of a trial, which writes into the trial's folder.

        Raises:
            InputError: for values that do not go together.
        """
        data = yaml.safe_load(self.text)
        del data["search"]
        loaded = set_values(data, SourceMap(f"trial {number}", {}, {}), values)
        name = f"{loaded.job.name}/{TRIALS}/{number}"
        return LoadedJob(loaded.job.model_copy(update={"name": name}), loaded.source)


def run_trial(
    shared: Shared,
    number: int,
    values: dict[str, Any],
    scored: Callable[[int, float], None],
    stopping: threading.Event,
) -> TrialRecord:
    """Run a trial, or go on with it; its record.

    Args:
        shared: The search.
        number: Of the trial.
        values: Key -> value.
        scored: Receives step and value of every evaluation during training.
        stopping: Set when the trial is given up.
    """
    folder = shared.root / str(number)
    record = TrialRecord(number=number, values=values)
    try:
        loaded = shared.trial(number, values)
    except InputError as error:
        record.status, record.error = "failed", str(error)
        record.save(folder)
        return record
    record.mark = trial_mark(shared, loaded)
    old = load_record(folder)
    if old and (old.mark, old.values) == (record.mark, values):
        record.run_id = old.run_id
        if old.status == "stopped":
            for step, value in old.looks:
                scored(step, value)
            return old

    def remember(step: int, value: float) -> None:
        record.looks.append((step, value))
        record.save(folder)
        scored(step, value)

    context = Context(
        loaded,
        Tracker(loaded.job.tracking.uri, shared.experiment),
        quiet(),
        scored=remember,
        stopping=stopping,
    )
    context.states |= shared.states
    record.run_id = context.run_id = context.tracker.start(
        f"trial-{number}", values, shared.run_id, record.run_id or None
    )
    record.save(folder)
    options = shared.options()
    run_stages(context, shared, options, record)
    if record.score is not None:
        context.tracker.metrics(record.run_id, {f"search/{options.from_}": record.score})
    record.save(folder)
    context.tracker.end(
        record.run_id, {"done": "FINISHED", "running": "KILLED"}.get(record.status, "FAILED")
    )
    return record


def run_stages(context: Context, shared: Shared, options: SearchOptions, record: TrialRecord) -> None:
    """Run the trial's stages and note how it ended; a trial that fails does not end the search."""
    from embedworks.jobs.runner import run_stage

    try:
        for name in shared.stages:
            run_stage(context, context.job.stage(name), fresh=False)
        result = context.result(options.from_)
        if not record.looks:  # the stage was done before
            for one in result.get("evaluations", ()):
                context.scored(one["step"], one["value"])
        record.score, record.status = final_score(result, options.metric), "done"
    except Stopped:  # by the scheduler or with the whole job: the driver knows
        record.status = "running"
    except Exception as error:
        record.status, record.error = "failed", last_line(error)


def is_finished(context: Context, shared: Shared, record: TrialRecord) -> bool:
    """Whether a trial of an earlier try has nothing left to do, on inputs that are the same."""
    from embedworks.jobs.runner import stage_fingerprint

    try:
        loaded = shared.trial(record.number, record.values)
    except InputError:
        return False
    if record.mark != trial_mark(shared, loaded) or record.status not in ("done", "stopped"):
        return False
    if record.status == "stopped":
        return True
    trial = Context(loaded, context.tracker, context.reporter, states=dict(shared.states))
    for name in shared.stages:
        stage = loaded.job.stage(name)
        state = load_state(trial.folder(stage))
        if not state.is_done(stage_fingerprint(trial, stage)):
            return False
        trial.states[name] = state
    return True


def final_score(result: dict[str, Any], metric: str | None) -> float:
    """By which trials are compared: the chosen embedder's, or that of the best evaluated model."""
    if "value" in result:
        return float(result["value"])
    return max(full_size_score(scores, metric or "mean") for scores in result["scores"].values())


def trial_mark(shared: Shared, loaded: LoadedJob) -> str:
    """Digest of all that a trial's result depends on."""
    stages = [loaded.job.stage(name) for name in shared.stages]
    blocks = [stage.model_dump(mode="json", by_alias=True, exclude={*RESULT_NEUTRAL}) for stage in stages]
    inputs = {name: state.fingerprint for name, state in shared.states.items()}
    return fingerprint(blocks, loaded.job.seed, inputs)


def last_line(error: BaseException) -> str:
    """What an error says in the end: through Ray, that is what its cause said."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()


def quiet() -> Reporter:
    """A reporter without a voice: the search tells of its trials."""
    reporter = Reporter()
    reporter.console = Console(quiet=True)
    return reporter
