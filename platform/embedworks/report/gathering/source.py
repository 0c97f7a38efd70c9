"""What a job left: its stages with their results, from folders here or from the tracking store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedworks.tracking.history import History, RunRecord


@dataclass(frozen=True)
class StageRecord:
    """A stage that is done.

    Attributes:
        name: Its name.
        kind: ``train``, ``merge``, ``evaluate``, ...
        block: Its block of the job file.
        result: What it gave; empty where its folder is not on this machine.
        run: Its MLflow run, if there is one.
    """

    name: str
    kind: str
    block: Mapping[str, Any]
    result: Mapping[str, Any]
    run: RunRecord | None = None


def _nowhere(_name: str) -> Path | None:
    return None


@dataclass(frozen=True)
class Source:
    """A job as a report reads it.

    Attributes:
        job: The job file as plain data, with every ``--set`` applied.
        stages: Those that are shown, in the job's order.
        started: Seconds since 1970.
        run_id: MLflow run of the job.
        model: Name of a model in the job -> its folder; None where it is not here.
        corpus: Name of a corpus in the job -> its folder; None where it is not here.
        history: The tracking store, for curves and artifacts.
        text: (run id, artifact) -> its text; None where there is none.
        notes: What was looked for and is not here.
    """

    job: Mapping[str, Any]
    stages: tuple[StageRecord, ...]
    started: float = 0.0
    run_id: str = ""
    model: Callable[[str], Path | None] = _nowhere
    corpus: Callable[[str], Path | None] = _nowhere
    history: History | None = None
    text: Callable[[str, str], str | None] = lambda _run, _name: None
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The job's name."""
        return str(self.job.get("name", ""))

    def of(self, *kinds: str) -> Iterator[StageRecord]:
        """The stages of these kinds."""
        return (stage for stage in self.stages if stage.kind in kinds)

    def find(self, name: str) -> StageRecord | None:
        """The stage of that name, if it is shown."""
        return next((stage for stage in self.stages if stage.name == name), None)
