"""Reads what jobs have logged: their runs, by id or name, and the curves in them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from embedworks.errors import InputError, first_line
from embedworks.tracking.sqlite import EXPECTED, sqlite_file

PAGE = 1000  # the most that MLflow gives at once
HIDDEN = ("system/", "corpus/", "final/")  # of this machine, of the stream, and said twice


@dataclass(frozen=True)
class RunRecord:
    """A run as people look at it.

    Attributes:
        id: MLflow's.
        job: Name of the job that it belongs to.
        stage: Name of its stage; empty for the run of the job itself.
        status: RUNNING (also after a driver was killed outright), FINISHED, FAILED or KILLED.
        start: Seconds since 1970.
        seconds: How long it took, or has taken.
        steps: The last step at which something was logged.
        metrics: The last value of each.
        params: As they were logged.
        parent: Id of the run above it.
    """

    id: str
    job: str
    stage: str
    status: str
    start: float
    seconds: float
    steps: int
    metrics: dict[str, float]
    params: dict[str, str] = field(default_factory=dict)
    parent: str = ""

    @property
    def name(self) -> str:
        """``job/stage``, or ``job``."""
        return f"{self.job}/{self.stage}" if self.stage else self.job

    @property
    def short(self) -> str:
        """The beginning of the id."""
        return self.id[:8]

    def shown_metrics(self) -> dict[str, float]:
        """The metrics that say how good the run is."""
        return {name: value for name, value in self.metrics.items() if not name.startswith(HIDDEN)}

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class History:
    """The runs of a tracking store, newest first.

    Args:
        uri: MLflow tracking URI.

    Raises:
        InputError: if the store cannot be read.
    """

    def __init__(self, uri: str) -> None:
        import logging

        import mlflow

        file = sqlite_file(uri)
        if file and not file.is_file():
            raise InputError(
                f"no runs yet: there is no {file}", expected="--uri, as in a job's tracking.uri"
            )
        for name in ("mlflow", "alembic", "urllib3.connectionpool"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self.client = mlflow.MlflowClient(uri)
        try:
            found = list(self._found())
        except Exception as error:
            raise InputError(
                f"MLflow at {uri} cannot be read: {first_line(error)}",
                expected=EXPECTED,
            ) from error
        by_id = {run.info.run_id: run for run in found}
        self.runs = [_record(run, by_id) for run in found]

    def find(self, name: str) -> RunRecord:
        """A run by its id, the beginning of it, ``job/stage``, ``stage`` or ``job``: the newest of a name.

        Raises:
            InputError: if there is none, naming the nearest, or if several ids begin so.
        """
        for run in self.runs:
            if name in (run.id, run.name) or (run.stage and name == run.stage):
                return run
        begun = [run for run in self.runs if run.id.startswith(name)]
        if len(begun) > 1:
            ids = ", ".join(f"{run.id[: len(name) + 4]} ({run.name})" for run in begun[:5])
            raise InputError(f"{len(begun)} runs begin with {name!r}", expected=f"more of the id: {ids}")
        if not begun:
            known = [text for run in self.runs for text in (run.name, run.stage, run.short) if text]
            raise InputError(
                f"no run {name!r}", expected="an id, its beginning, or job/stage", name=name, known=known
            )
        return begun[0]

    def curve(self, run: RunRecord, metric: str) -> list[tuple[int, float]]:
        """(step, value) of a metric, by step; of steps that were taken twice, the second value.

        Raises:
            InputError: if the run has no such metric, naming the nearest.
        """
        if metric not in run.metrics:
            raise InputError(
                f"run {run.short} ({run.name}) has no metric {metric!r}",
                expected=f"one of {', '.join(run.shown_metrics()) or 'none'}",
                name=metric,
                known=run.metrics,
            )
        points = self.client.get_metric_history(run.id, metric)
        by_step = {p.step: p.value for p in sorted(points, key=lambda p: p.timestamp)}
        return sorted(by_step.items())

    def _found(self) -> Iterable[Any]:
        experiments = [one.experiment_id for one in self.client.search_experiments()]
        token: str | None = None
        while True:
            page = self.client.search_runs(
                experiments, max_results=PAGE, order_by=["attributes.start_time DESC"], page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


def _record(run: Any, by_id: dict[str, Any]) -> RunRecord:
    info, top = run.info, run
    while (above := by_id.get(top.data.tags.get("mlflow.parentRunId", ""))) is not None:
        top = above
    end = info.end_time or time.time() * 1000
    return RunRecord(
        id=info.run_id,
        job=top.info.run_name,
        stage="" if top is run else info.run_name,
        status=info.status,
        start=info.start_time / 1000,
        seconds=max(0.0, (end - info.start_time) / 1000),
        # Of its own metrics: MLflow numbers the machine's samples, too.
        steps=max((p.step for p in run.data._metric_objs if not p.key.startswith(HIDDEN)), default=0),
        metrics=dict(sorted(run.data.metrics.items())),
        params=dict(sorted(run.data.params.items())),
        parent=run.data.tags.get("mlflow.parentRunId", ""),
    )
