"""What is remembered of a trial, in its folder, so that a search goes on after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from embedworks.corpora.atomic import new_file
from embedworks.jobs.schema import Job
from embedworks.jobs.search.options import SpaceOptions

FILE = "trial.json"
TRIALS = "trials"


class TrialRecord(BaseModel):
    """One trial.

    Attributes:
        number: From 0 on.
        values: Key -> value.
        mark: Digest of all that its result depends on.
        status: ``running`` also means that it was killed; ``stopped``, that the scheduler gave it up.
        looks: (step, value) of every evaluation during training.
        scores: Of a merge, what its goal was computed from.
        score: By which trials are compared; None unless it is done.
        error: Why it failed.
        run_id: Its MLflow run.
    """

    number: int
    values: dict[str, Any]
    mark: str = ""
    status: Literal["running", "done", "stopped", "failed"] = "running"
    looks: list[tuple[int, float]] = Field(default_factory=list)
    scores: list[dict[str, Any]] = Field(default_factory=list)
    score: float | None = None
    error: str = ""
    run_id: str = ""

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        with new_file(folder / FILE) as partial:
            partial.write_text(self.model_dump_json(indent=2), encoding="utf-8")

    def in_words(self) -> str:
        """The trial in a line."""
        values = ", ".join(f"{path} {_short(value)}" for path, value in self.values.items())
        outcome = f"{self.score:.4f}" if self.score is not None else self.status
        return f"trial {self.number}: {outcome} ({values})" + (f": {self.error}" if self.error else "")


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def trials_folder(job: Job) -> Path:
    """Where the trials of a job write, each into a folder of its number; absolute: they run elsewhere."""
    return (Path(job.output) / job.name / TRIALS).absolute()


def load_record(folder: Path) -> TrialRecord | None:
    """The record in a folder; None where there is none."""
    try:
        return TrialRecord.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None


def load_records(root: Path, trials: int) -> list[TrialRecord]:
    """The records of the first so many trials, in order, as far as there are any."""
    found = (load_record(root / str(number)) for number in range(trials))
    return [record for record in found if record is not None]


def known_values(options: SpaceOptions, found: list[TrialRecord]) -> list[dict[str, Any]]:
    """Values of the first trials without a gap, as far as they are of this space."""
    known: list[dict[str, Any]] = []
    for record in found:
        fits = record.values.keys() == options.space.keys() and all(
            domain.has(record.values[path]) for path, domain in options.space.items()
        )
        if not fits or record.number != len(known):
            break
        known.append(record.values)
    return known


def best_of(found: list[TrialRecord]) -> TrialRecord | None:
    """The best of the trials that are done, the earliest among equals; None if none is."""
    scored = [(record.score, -record.number, record) for record in found if record.score is not None]
    return max(scored, key=lambda one: one[:2])[2] if scored else None
