"""The door of tracking: one MLflow parent run for a job, a child for each stage, models beside them.

Only the driver logs. Everything goes through clients that carry the tracking URI, except logging a
model, which MLflow offers for its global URI alone.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from embedworks.errors import InputError, first_line
from embedworks.tracking.journal import Journal
from embedworks.tracking.outbox import MOST_METRICS, MOST_PAIRS, Outbox, in_short, is_away
from embedworks.tracking.sqlite import EXPECTED, opening, sqlite_file, sqlite_uri

DEFAULT_FILE = "mlflow.db"
CODE = Path(__file__).with_name("pyfunc.py")
LONGEST_PARAM = 500
FLUSH_SECONDS = 20.0
PATIENCE_SECONDS = 600.0  # that a call whose answer is needed waits for a server that is away
RETRY_SECONDS = 5.0
ONE_AT_A_TIME = threading.Lock()  # of what sets settings of the whole process

AnswerT = TypeVar("AnswerT")


def default_uri() -> str:
    """MLflow's own setting, else a SQLite file in the working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(Path(DEFAULT_FILE))


class Tracker:
    """Logs one job.

    Numbers, parameters, tags and the ends of runs go through an :class:`.Outbox`: they never wait for the
    server. What needs an answer, such as a new run's id, waits while the server is away.

    Args:
        uri: MLflow tracking URI; None for :func:`default_uri`.
        experiment: Name of the experiment; it is created where it is new.
        folder: Where what could not be sent stays for the next time; None: nowhere.
        tell: Receives a line when the server goes away and when it comes back.

    Raises:
        InputError: if the tracking store cannot be reached.
    """

    def __init__(
        self,
        uri: str | None,
        experiment: str,
        folder: Path | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        import mlflow

        for name in ("mlflow", "alembic", "urllib3.connectionpool"):
            logging.getLogger(name).setLevel(logging.ERROR)
        # A store that is busy with another process is waited for: its traceback would only alarm.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        self.uri = uri or default_uri()
        try:
            with opening(self.uri):
                # Named twice: the registry would else be that of the last store this process used.
                self.client = mlflow.MlflowClient(self.uri, registry_uri=self.uri)
                self.experiment = self._experiment(experiment)
        except Exception as error:
            raise InputError(
                f"MLflow at {self.uri} cannot be used: {first_line(error)}",
                where="tracking.uri",
                expected=EXPECTED,
            ) from error
        self._tell = tell
        self._outbox = Outbox(self.client, Journal(folder, self.uri) if folder else None, tell)
        # An earlier try may have left the end of a run here that is opened again now.
        self._outbox.flush(FLUSH_SECONDS)

    def start(
        self, name: str, params: Mapping[str, Any], parent: str | None = None, run_id: str | None = None
    ) -> str:
        """Open a run, or open ``run_id`` again; returns its id.

        Args:
            name: Name of the run: the job's or the stage's.
            params: Nested; logged flat, as ``optimizer.learning_rate``.
            parent: Id of the job's run, for a stage's.
            run_id: A run of an earlier try that goes on.
        """
        if run_id and self.patiently(lambda: self._exists(run_id)):
            self.patiently(lambda: self.client.update_run(run_id, status="RUNNING"))
            return run_id
        tags = {"mlflow.runName": name} | ({"mlflow.parentRunId": parent} if parent else {})
        run = self.patiently(lambda: self.client.create_run(self.experiment, tags=tags, run_name=name))
        new = str(run.info.run_id)
        self.params(new, params)
        return new

    def params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log nested parameters."""
        flat = [(key, str(value)[:LONGEST_PARAM]) for key, value in flatten(params)]
        for first in range(0, len(flat), MOST_PAIRS):
            self._outbox.put({"run": run_id, "params": flat[first : first + MOST_PAIRS]})

    def metrics(
        self, run_id: str, metrics: Mapping[str, float], step: int = 0, at: int | None = None
    ) -> None:
        """Log one point of several curves, ``at`` milliseconds since 1970; the same one counts once."""
        now = milliseconds() if at is None else at
        points = [(name, float(value), now, step) for name, value in metrics.items()]
        for first in range(0, len(points), MOST_METRICS):
            self._outbox.put({"run": run_id, "metrics": points[first : first + MOST_METRICS]})

    def tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags: corpus digests, code version."""
        pairs = list(tags.items())
        for first in range(0, len(pairs), MOST_PAIRS):
            self._outbox.put({"run": run_id, "tags": pairs[first : first + MOST_PAIRS]})

    def artifact(self, run_id: str, name: str, text: str) -> None:
        """Keep a text, such as the job file, with the run."""
        self.patiently(lambda: self.client.log_text(run_id, text, name))

    def end(self, run_id: str, status: str = "FINISHED") -> None:
        """Close a run as FINISHED, FAILED or KILLED."""
        self._outbox.put({"run": run_id, "end": {"status": status, "time": milliseconds()}})
        self._outbox.flush(FLUSH_SECONDS)

    def close(self) -> int:
        """Send what is left; returns how many entries could not be: the job's next tracker sends them."""
        return self._outbox.close(FLUSH_SECONDS)

    def patiently(self, call: Callable[[], AnswerT]) -> AnswerT:
        """The answer of a call to the server; while the server is away, it waits and tries again.

        Raises:
            Exception: what the call raised, if the server refused it or stayed away too long.
        """
        stop = time.monotonic() + PATIENCE_SECONDS
        is_told = False
        while True:
            try:
                return call()
            except Exception as error:
                if not is_away(error) or time.monotonic() > stop:
                    raise
                if not is_told:
                    self._tell(f"  waiting for MLflow at {self.uri}: {in_short(error)}")
                    is_told = True
                time.sleep(RETRY_SECONDS)

    @contextmanager
    def system_metrics(self, run_id: str) -> Iterator[None]:
        """Log CPU, memory, disk and GPU use of this machine while the block runs."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        # It gives up when the server goes away, and would tell so at the end.
        logging.getLogger(SystemMetricsMonitor.__module__).setLevel(logging.CRITICAL)
        monitor = SystemMetricsMonitor(run_id, sampling_interval=5, tracking_uri=self.uri)
        monitor.start()
        try:
            yield
        finally:
            monitor.finish()

    def log_embedder(
        self, run_id: str, folder: Path, name: str, metrics: Mapping[str, float], step: int = 0
    ) -> str:
        """Log an embedder as a LoggedModel of the run; returns its model id.

        It is a pyfunc: ``mlflow.pyfunc.load_model(...).predict(texts)`` gives vectors.
        """
        return self.patiently(lambda: self._log_embedder(run_id, folder, name, metrics, step))

    def _log_embedder(
        self, run_id: str, folder: Path, name: str, metrics: Mapping[str, float], step: int
    ) -> str:
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        from embedworks.tracking.signature import REQUIREMENTS, signature

        # Recorded, for MLflow sets filters of its own inside.
        with ONE_AT_A_TIME, warnings.catch_warnings(record=True), mlflow.start_run(run_id=run_id):
            info = mlflow.pyfunc.log_model(
                name=name,
                python_model=str(CODE),
                artifacts={"embedder": str(folder.absolute())},
                signature=signature(),
                pip_requirements=REQUIREMENTS,
                step=step,
            )
        model_id = str(info.model_id)
        for metric, value in metrics.items():
            # Under a name of its own: MLflow would add the point to the run's curve a second time.
            self.client.log_metric(run_id, f"final/{metric}", value, step=step, model_id=model_id)
        # Leaving the context closed the run; it goes on until the stage ends it.
        self.client.update_run(run_id, status="RUNNING")
        return model_id

    def _experiment(self, name: str) -> str:
        known = self.client.get_experiment_by_name(name)
        if known:
            return str(known.experiment_id)
        root = self._artifact_root()
        return str(self.client.create_experiment(name, artifact_location=root and f"{root}/{name}"))

    def _artifact_root(self) -> str | None:
        """Artifacts beside a SQLite file, wherever the process runs; a server knows its own place."""
        file = sqlite_file(self.uri)
        if not file:
            return None
        return (file.absolute().parent / "mlartifacts").as_uri()

    def _exists(self, run_id: str) -> bool:
        try:
            self.client.get_run(run_id)
        except Exception as error:
            if is_away(error):
                raise
            return False  # deleted, or another tracking store than last time
        return True


def milliseconds() -> int:
    """Time as MLflow counts it."""
    return int(time.time() * 1000)


def flatten(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested parameters as dotted names.

    Example:
        >>> list(flatten({"optimizer": {"clip": 1.0}}))
        [('optimizer.clip', 1.0)]
    """
    for key, value in params.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(value) if isinstance(value, list | tuple) else value
