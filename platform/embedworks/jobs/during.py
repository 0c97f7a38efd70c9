"""Evaluates the embedder of a train stage while its workers go on, and says when they may stop.

Workers leave snapshots of their weights in a folder. A thread here takes each in turn to a Ray task, logs
its scores at its step, and keeps the embedders that may still be chosen: the best and the newest.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from pathlib import Path
from types import TracebackType

from embedworks.evaluation.find import find_task
from embedworks.jobs.context import Context, Stopped
from embedworks.jobs.during_options import DuringOptions
from embedworks.jobs.evaluations import Evaluation, load_evaluations
from embedworks.jobs.probes import make_probe
from embedworks.jobs.scores import full_size_score, in_words, named_numbers
from embedworks.jobs.snapshot_scores import Scorer
from embedworks.jobs.state import StageState
from embedworks.training.checkpoints.files import complete_steps
from embedworks.training.checkpoints.keeper import mark
from embedworks.training.snapshots import WEIGHTS, written
from embedworks.training.spec import SnapshotPlan, TrainSpec

POLL_SECONDS = 0.5
SNAPSHOTS = "snapshots"


def snapshot_plan(options: DuringOptions, work: Path) -> SnapshotPlan:
    """What workers are told; steps that an earlier try evaluated or left are not asked for again."""
    root = work / SNAPSHOTS
    have = {one.step for one in load_evaluations(root).done}.union(written(root))
    resources = options.resources
    return SnapshotPlan(root, options.every, frozenset(have), resources.cpus, resources.gpus)


class During:
    """A context around training that evaluates snapshots, and ends when the last one is evaluated.

    Args:
        context: The job.
        state: The stage's; scores are logged in its run.
        options: What is evaluated, and what follows from it.
        spec: What is trained.
    """

    def __init__(
        self, context: Context, state: StageState, options: DuringOptions, spec: TrainSpec
    ) -> None:
        assert spec.snapshots is not None
        self.context = context
        self.run_id = state.run_id
        self.options = options
        self.spec = spec
        self.plan = spec.snapshots
        self.evaluations = load_evaluations(self.plan.root)
        needed = sorted({name for task in options.tasks for name in find_task(task).corpora})
        corpora = {name: context.corpus(options.corpora.get(name, name)) for name in needed}
        held_out = options.held_out
        probe = make_probe(context, held_out.corpus, held_out) if held_out else None
        self._score = Scorer(spec, options, corpora, probe)
        self._trained = threading.Event()
        self._abandoned = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="embedworks-evaluations", daemon=True)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to train."""
        return self.evaluations.is_over(self.options, self.spec.stream.steps)

    def __enter__(self) -> During:
        self.plan.stop_file.unlink(missing_ok=True)
        for one in self.evaluations.done:  # of an earlier try; a search wants them all
            self.context.scored(one.step, one.value)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self._abandoned if error else self._trained).set()
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def finish(self) -> Evaluation:
        """Make the chosen snapshot the stage's embedder; returns its evaluation."""
        chosen = self.evaluations.chosen(self.options)
        target = self.spec.embedder
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(self.plan.embedder(chosen.step), partial)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        self._tidy({chosen.step}, self.spec.stream.steps)
        return chosen

    def _run(self) -> None:
        try:
            while not self.is_over and (step := self._next()) is not None:
                scores = self._score(step, self._check)
                value = full_size_score(scores, self.options.metric)
                self._record(Evaluation(step=step, value=value, scores=scores))
        except BaseException as error:  # raised where the block ends, and the workers are sent there
            self._failure = error
        if not self._trained.is_set():
            self.plan.root.mkdir(parents=True, exist_ok=True)
            self.plan.stop_file.touch()

    def _next(self) -> int | None:
        """The next step to evaluate, once its snapshot is there; None when no more will come."""
        while True:
            self._check()
            trained = self._trained.is_set()  # asked first: by then the last snapshot was there
            steps = [step for step in written(self.plan.root) if step > self.evaluations.newest]
            if steps or trained:
                return min(steps, default=None)
            self._trained.wait(POLL_SECONDS)

    def _check(self) -> None:
        """Leave when training failed, or when somebody asks the job to stop.

        Raises:
            Stopped: in these cases.
        """
        if self._abandoned.is_set() or self.context.stopping.is_set():
            raise Stopped

    def _record(self, one: Evaluation) -> None:
        """Log an evaluation, remember it, and drop the embedders that cannot be chosen any more."""
        numbers = named_numbers(one.scores, "evaluation") | {f"evaluation/{self.options.metric}": one.value}
        self.context.tracker.metrics(self.run_id, numbers, one.step)
        self.evaluations.done.append(one)
        self.evaluations.save(self.plan.root)
        verdict = self.evaluations.verdict(self.options)
        is_best = verdict.best == len(self.evaluations.done) - 1
        text = f"  step {one.step}: {in_words(one.scores)}" + (", the best so far" if is_best else "")
        if verdict.last is not None:
            text += f"; no better one in {verdict.waited} evaluations, training stops"
        self.context.reporter.note(text)
        self._tidy({one.step, self.evaluations.chosen(self.options).step}, one.step)
        if is_best:
            self._mark(one.step)
        self.context.scored(one.step, one.value)

    def _tidy(self, kept: set[int], newest: int) -> None:
        """Of the snapshots up to ``newest``, leave the embedders of ``kept`` alone."""
        for folder in self.plan.root.glob("step-*"):
            step = int(folder.name.removeprefix("step-"))
            if step in kept:
                (folder / WEIGHTS).unlink(missing_ok=True)
            elif step <= newest:
                shutil.rmtree(folder, ignore_errors=True)

    def _mark(self, step: int) -> None:
        """Keep the training state of the best step too, where one was saved and is still there."""
        with contextlib.suppress(FileNotFoundError):  # pruned in this moment
            if step in complete_steps(self.spec.checkpoints):
                mark(self.spec.checkpoints, step)
