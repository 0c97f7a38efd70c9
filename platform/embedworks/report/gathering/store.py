"""Finds a job's stages by what a user calls them, in the tracking store and the folders that it names."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml

from embedworks.corpora.manifest import MANIFEST_FILE
from embedworks.errors import InputError
from embedworks.folder import resolve_model
from embedworks.jobs.references import with_inputs
from embedworks.jobs.schema import Job
from embedworks.jobs.state import CORPUS, REGISTRATION_FILE, SCORES_FILE, load_state
from embedworks.registered import is_registered
from embedworks.report.gathering.source import Source, StageRecord
from embedworks.tracking.history import History, RunRecord
from embedworks.tracking.registry import model_folder

JOB_FILE = "job.yaml"
RESULTS = {"evaluate": SCORES_FILE, "register": REGISTRATION_FILE}


def find_source(names: Sequence[str], uri: str) -> Source:
    """The job, or the stages of one with those that they depend on, as a tracking store knows them.

    Args:
        names: Ids, beginnings of ids, ``job``, ``job/stage`` or ``stage``; the newest of a name.
        uri: MLflow tracking URI.

    Raises:
        InputError: for an unknown run, runs of several jobs, or a job that has logged no job file.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    history = History(uri)
    by_id = {run.id: run for run in history.runs}
    chains = [_chain(history.find(name), by_id) for name in names]
    top = chains[0][0]
    if any(chain[0].id != top.id for chain in chains):
        jobs = ", ".join(dict.fromkeys(f"{chain[0].name} {chain[0].short}" for chain in chains))
        raise InputError(f"a report is of one job, and these are of several: {jobs}", where="RUN")
    text = _reader(history)
    written = text(top.id, JOB_FILE)
    if written is None:
        raise InputError(f"run {top.short} ({top.name}) has no {JOB_FILE}", expected="the run of a job")
    job = Job.model_validate(yaml.safe_load(written))
    wanted = {chain[1].stage for chain in chains if len(chain) > 1}
    shown = with_inputs(job, wanted) if all(len(chain) > 1 for chain in chains) else None
    records = _records(job, _runs(history, top), text, shown)
    notes = [
        f"{stage.name}: its folder is not on this machine"
        for stage in records
        if not stage.result and stage.kind != "report"
    ]
    return Source(
        job=job.model_dump(mode="json", by_alias=True),
        stages=records,
        started=top.start,
        run_id=top.id,
        model=lambda name: _model(name, records, uri),
        corpus=lambda name: _corpus(name, records, job),
        history=history,
        text=text,
        notes=notes,
    )


def _chain(run: RunRecord, by_id: Mapping[str, RunRecord]) -> list[RunRecord]:
    """The run of the job, that of the stage, and so on down to the run itself."""
    chain = [run]
    while chain[0].parent in by_id:
        chain.insert(0, by_id[chain[0].parent])
    return chain


def _runs(history: History, top: RunRecord) -> dict[str, RunRecord]:
    """Stage -> its newest finished run, also one that another job of an experiment shares."""
    found: dict[str, RunRecord] = {}
    for run in history.runs:
        if run.parent == top.id and (run.stage not in found or found[run.stage].status != "FINISHED"):
            found[run.stage] = run
    by_id = {run.id: run for run in history.runs}
    for tag, value in history.client.get_run(top.id).data.tags.items():
        if tag.startswith("shared.") and value in by_id:
            found.setdefault(tag.removeprefix("shared."), by_id[value])
    return found


def _records(
    job: Job, runs: Mapping[str, RunRecord], text: Any, shown: set[str] | None
) -> tuple[StageRecord, ...]:
    records = []
    for stage in job.stages:
        run = runs.get(stage.name)
        if run is None or (shown is not None and stage.name not in shown):
            continue
        block = stage.model_dump(mode="json", by_alias=True)
        state = load_state(job.folder(stage.name))
        result = state.result if state.run_id == run.id and state.is_complete() else {}
        if not result and (written := text(run.id, RESULTS.get(stage.kind, ""))):
            result = orjson.loads(written)
        records.append(StageRecord(stage.name, stage.kind, block, result, run))
    return tuple(records)


def _reader(history: History) -> Any:
    known: dict[tuple[str, str], str | None] = {}

    def read(run: str, name: str) -> str | None:
        if (run, name) not in known:
            known[run, name] = _artifact(history, run, name) if name else None
        return known[run, name]

    return read


def _artifact(history: History, run: str, name: str) -> str | None:
    if not any(one.path == name for one in history.client.list_artifacts(run)):
        return None
    with tempfile.TemporaryDirectory() as folder:
        return Path(history.client.download_artifacts(run, name, folder)).read_text(encoding="utf-8")


def _model(name: str, records: Sequence[StageRecord], uri: str) -> Path | None:
    for stage in records:
        if stage.name == name:
            folder = Path(str(stage.result.get("embedder", "")))
            return folder if stage.result.get("embedder") and folder.is_dir() else None
    try:
        return model_folder(name, uri) if is_registered(name) else resolve_model(name).absolute()
    except InputError:
        return None


def _corpus(name: str, records: Sequence[StageRecord], job: Job) -> Path | None:
    """A corpus that is there: a report builds none."""
    from embedworks.corpora.recipes import builtin_names, recipe_folder, recipe_options

    places = [Path(str(one.result[CORPUS])) for one in records if one.name == name and CORPUS in one.result]
    given = job.corpora.get(name)
    source, options = (given.source, given.options) if given else (name, {})
    if source in builtin_names():
        places.append(Path(job.output) / "corpora" / recipe_folder(source, recipe_options(source, options)))
    places.append(Path(name))
    return next((place for place in places if (place / MANIFEST_FILE).is_file()), None)
