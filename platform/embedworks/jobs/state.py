"""What a job remembers between two runs: which stages are done, on what inputs, and what they gave."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from embedworks.corpora.atomic import new_file

FILE = "stage.json"
WORK = "work"  # checkpoints and artifacts, in a folder for each fingerprint
CHECKPOINTS = "checkpoints"
CORPUS = "corpus"
SAMPLES = "samples"
SCORES_FILE = "scores.json"  # what an evaluate stage gave, kept with its run
REGISTRATION_FILE = "registration.json"  # likewise of a register stage
OUTPUTS = ("embedder", "index", CORPUS, SAMPLES, "report", "cards")  # results that are on disk


class StageState(BaseModel):
    """The state of one stage, kept in its folder.

    Attributes:
        fingerprint: Digest of all that the result depends on.
        status: ``running`` also means that a run was killed.
        run_id: MLflow run; a killed stage goes on in it.
        result: What later stages read.
        seconds: How long it took, over all tries that were not killed outright.
    """

    fingerprint: str = ""
    status: Literal["new", "running", "failed", "done"] = "new"
    run_id: str = ""
    result: dict[str, Any] = Field(default_factory=dict)
    seconds: float = 0.0

    def is_complete(self) -> bool:
        """Whether what the stage wrote is still there."""
        return all(Path(self.result[key]).exists() for key in OUTPUTS if key in self.result)

    def is_done(self, mark: str) -> bool:
        """Whether the stage need not run again on inputs of that fingerprint."""
        return self.status == "done" and self.fingerprint == mark and self.is_complete()

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        with new_file(folder / FILE) as partial:
            partial.write_text(self.model_dump_json(indent=2), encoding="utf-8")


def load_state(folder: Path) -> StageState:
    """The state in a folder; a new one where there is none."""
    try:
        return StageState.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return StageState()


def fingerprint(*parts: Any) -> str:
    """Digest of JSON-able parts."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
