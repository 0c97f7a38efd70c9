"""What every stage is given: the job, the results so far, tracking, and how to find models and corpora."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.corpora.in_place import link_corpus
from embedworks.corpora.verify import BadShard
from embedworks.folder import resolve_model, weights_digest
from embedworks.jobs.corpus_options import CorpusRef
from embedworks.jobs.load import LoadedJob
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.schema import Job, Stage
from embedworks.jobs.state import CORPUS, StageState
from embedworks.registered import is_registered
from embedworks.tracking.registry import model_folder
from embedworks.tracking.tracker import Tracker
from embedworks.training.stream import CorpusInput

QUARANTINE = "without-bad-shards"


class Stopped(BaseException):
    """Raised in a stage that is asked to stop; its run ends as one that was killed."""


@dataclass
class Context:
    """A job on its way.

    Attributes:
        loaded: The job and where its keys stand.
        tracker: MLflow.
        reporter: The terminal.
        run_id: The job's parent run.
        states: Finished stages by name.
        scored: Receives step and value of every evaluation during training.
        parent_run: MLflow run that the job's own is in, if it is one of several.
        shelf: Fingerprint -> finished stage, of this job and of others that share stages with it.
        stopping: Set when the stage that runs is to stop; one that evaluates while it trains looks.
    """

    loaded: LoadedJob
    tracker: Tracker
    reporter: Reporter
    run_id: str = ""
    states: dict[str, StageState] = field(default_factory=dict)
    scored: Callable[[int, float], None] = lambda *_: None
    parent_run: str | None = None
    shelf: dict[str, StageState] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    _verified: dict[tuple[str, str], tuple[Path, int]] = field(default_factory=dict)
    _corpora: threading.RLock = field(default_factory=threading.RLock, repr=False)  # one builds at a time

    @property
    def job(self) -> Job:
        """The job itself."""
        return self.loaded.job

    def folder(self, stage: Stage) -> Path:
        """The stage's folder, absolute: workers run elsewhere."""
        return self.job.folder(stage.name).absolute()

    def result(self, name: str) -> dict[str, Any]:
        """What an earlier stage gave."""
        return self.states[name].result

    def model(self, reference: str) -> Path:
        """The embedder folder that a job calls ``reference``.

        Raises:
            InputError: if there is none.
        """
        if reference in self.states:
            return Path(self.result(reference)["embedder"])
        if is_registered(reference):
            return model_folder(reference, self.tracker.uri)
        return resolve_model(reference).absolute()

    def corpus(self, source: str) -> Path:
        """The folder of a corpus: under `corpora`, of an earlier curate stage, there already, or built-in.

        A built-in one is built under ``output/corpora`` at first use.
        """
        if (state := self.states.get(source)) and CORPUS in state.result:
            return Path(state.result[CORPUS])
        root = Path(self.job.output) / "corpora"
        with self._corpora:
            if named := self.job.corpora.get(source):
                return ensure_corpus(named.source, root, named.options)
            return ensure_corpus(source, root)

    def inputs(self, corpora: Iterable[CorpusRef]) -> tuple[CorpusInput, ...]:
        """A stage's corpora as the stream reads them."""
        return tuple(
            CorpusInput(self.verified(c), c.split, tuple(c.columns.items()), c.weight, c.epochs, c.limit)
            for c in corpora
        )

    def digests(self, corpora: Iterable[CorpusRef]) -> dict[str, str]:
        """Corpus -> digest of its manifest."""
        return {c.source: open_corpus(self.verified(c)).digest for c in corpora}

    def verified(self, reference: CorpusRef) -> Path:
        """The folder of a corpus whose shards were looked at: sizes and footers, once a run.

        Raises:
            InputError: for a bad shard, unless the job says that it is to be quarantined.
        """
        return self._look_at(reference)[0]

    def quarantined(self, corpora: Iterable[CorpusRef]) -> dict[str, float]:
        """Rows lost to quarantine, as metrics by the corpus's position; none where all is well."""
        lost = [self._look_at(one)[1] for one in corpora]
        return {f"corpus/{number}/quarantined": rows for number, rows in enumerate(lost) if rows}

    def _look_at(self, reference: CorpusRef) -> tuple[Path, int]:
        key = (reference.source, reference.on_bad_shard)
        with self._corpora:
            if key not in self._verified:
                folder = self.corpus(reference.source)
                bad = open_corpus(folder, reference.on_bad_shard).quarantined
                kept = self._without(folder, bad) if bad else folder
                self._verified[key] = kept, sum(one.rows for one in bad)
            return self._verified[key]

    def _without(self, folder: Path, bad: tuple[BadShard, ...]) -> Path:
        for one in bad:
            self.reporter.note(f"  {folder}: left out {one.problem}: {one.rows} rows of {one.split}")
        # By the whole path: the corpora of all curate stages lie in folders of one name.
        digest = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:8]
        kept = (Path(self.job.output) / "corpora" / QUARANTINE / f"{folder.name}-{digest}").absolute()
        link_corpus(folder, kept, bad)
        return kept

    def parent(self, reference: str) -> dict[str, str]:
        """A model as lineage records it."""
        state = self.states.get(reference)
        run_id = state.run_id if state else ""
        return {"source": reference, "sha256": weights_digest(self.model(reference)), "run_id": run_id}
