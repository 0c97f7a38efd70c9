"""The door of tracking: one MLflow parent run for a job, a child for each stage, models beside them.

Only the driver logs. Everything goes through clients that carry the tracking URI, except logging a
model, which MLflow offers for its global URI alone.
"""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embedworks.errors import InputError, first_line

DEFAULT_FILE = "mlflow.db"
CODE = Path(__file__).with_name("pyfunc.py")
LONGEST_PARAM = 500


def default_uri() -> str:
    """MLflow's own setting, else a SQLite file in the working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path(DEFAULT_FILE).absolute()}"


class Tracker:
    """Logs one job.

    Args:
        uri: MLflow tracking URI; None for :func:`default_uri`.
        experiment: Name of the experiment; it is created where it is new.

    Raises:
        InputError: if the tracking store cannot be reached.
    """

    def __init__(self, uri: str | None, experiment: str) -> None:
        import mlflow

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        self.uri = uri or default_uri()
        try:
            # Named twice: the registry would else be that of the last store this process used.
            self.client = mlflow.MlflowClient(self.uri, registry_uri=self.uri)
            self.experiment = self._experiment(experiment)
        except Exception as error:
            raise InputError(
                f"MLflow at {self.uri} cannot be used: {first_line(error)}",
                where="tracking.uri",
                expected="sqlite:///path, or the address of a running MLflow server",
            ) from error

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
        if run_id and self._exists(run_id):
            self.client.update_run(run_id, status="RUNNING")
            return run_id
        tags = {"mlflow.runName": name} | ({"mlflow.parentRunId": parent} if parent else {})
        new = str(self.client.create_run(self.experiment, tags=tags, run_name=name).info.run_id)
        self.params(new, params)
        return new

    def params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log nested parameters."""
        from mlflow.entities import Param

        flat = [Param(key, str(value)[:LONGEST_PARAM]) for key, value in flatten(params)]
        for first in range(0, len(flat), 100):
            self.client.log_batch(run_id, params=flat[first : first + 100])

    def metrics(self, run_id: str, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log one point of several curves."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        points = [Metric(name, float(value), now, step) for name, value in metrics.items()]
        self.client.log_batch(run_id, metrics=points)

    def tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags: corpus digests, code version."""
        for key, value in tags.items():
            self.client.set_tag(run_id, key, value)

    def artifact(self, run_id: str, name: str, text: str) -> None:
        """Keep a text, such as the job file, with the run."""
        self.client.log_text(run_id, text, name)

    def end(self, run_id: str, status: str = "FINISHED") -> None:
        """Close a run as FINISHED, FAILED or KILLED."""
        self.client.set_terminated(run_id, status)

    @contextmanager
    def system_metrics(self, run_id: str) -> Iterator[None]:
        """Log CPU, memory, disk and GPU use of this machine while the block runs."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

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
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        from embedworks.tracking.signature import REQUIREMENTS, signature

        with warnings.catch_warnings(action="ignore"), mlflow.start_run(run_id=run_id):
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
        if not self.uri.startswith("sqlite:///"):
            return None
        return (Path(self.uri.removeprefix("sqlite:///")).absolute().parent / "mlartifacts").as_uri()

    def _exists(self, run_id: str) -> bool:
        try:
            self.client.get_run(run_id)
        except Exception:  # deleted, or another tracking store than last time
            return False
        return True


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
