"""Runs a claim: every arm at every seed as an ordinary job, and only then what compares them.

Nothing is evaluated before everything is trained, so that no half of the experiment can tempt anyone
to stop, or to change the other half. Killed, it goes on: a job that is done is not run again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.jobs.claims.by_part import PartRow, part_matrix
from embedworks.jobs.claims.load import LoadedClaim
from embedworks.jobs.claims.values import Results, Values, values_of
from embedworks.jobs.claims.verdict import Verdict, decide
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.runner import check_job, run_job
from embedworks.jobs.state import StageState, load_state
from embedworks.tracking.tracker import Tracker

Run = tuple[str, int]  # arm and seed
DONE_BEFORE_SECONDS = 5.0  # a job that has nothing left to do takes less


@dataclass(frozen=True)
class Outcome:
    """What a claim found.

    Attributes:
        values: Every measure, arm and seed.
        seconds: Arm -> seed -> time of the stages that made it, those it shares with other arms included.
        seeds: The seeds that were run.
        verdict: None unless every arm has run at every seed of the file.
        missing: Arms that were left out.
        matrix: Arms against each other over data sets, where the rule asks for such.
    """

    values: Values
    seconds: dict[str, dict[int, float]]
    seeds: tuple[int, ...]
    verdict: Verdict | None
    missing: tuple[str, ...] = ()
    matrix: tuple[PartRow, ...] = ()


def run_claim(
    loaded: LoadedClaim, reporter: Reporter, *, seeds: int | None = None, only: Sequence[str] = ()
) -> Outcome:
    """Run a claim, or a part of it, which then has no verdict.

    Args:
        loaded: A checked claim.
        reporter: Where progress is told.
        seeds: Only the first so many of the file's.
        only: Only these arms.

    Raises:
        InputError: for an unknown arm, or more seeds than the file has fixed.
    """
    claim = loaded.claim
    chosen = _seeds(claim.seeds, seeds)
    for name in only:
        if name not in claim.arms:
            raise InputError(f"the claim has no arm {name!r}", name=name, known=list(claim.arms))
    arms = [name for name in claim.arms if not only or name in only]
    runs = [(arm, seed) for seed in chosen for arm in arms]
    check_arms(loaded, arms)
    parent = open_run(loaded, reporter)
    shelf: dict[str, StageState] = {}
    seconds: dict[str, dict[int, float]] = {arm: {} for arm in arms}
    pace = Pace(reporter, len(runs))
    for arm, seed in runs:
        pace.tell(arm, seed)
        run_job(loaded.job(arm, seed), reporter, parent=parent, shelf=shelf)
        pace.done()
    reporter.note("every arm is trained; now they are measured")
    results: dict[Run, Results] = {}
    for arm, seed in runs:
        job = loaded.job(arm, seed, measured=True)
        results[arm, seed] = run_job(job, reporter, parent=parent, shelf=shelf)
        seconds[arm][seed] = spent(job.job.folder(stage.name) for stage in loaded.job(arm, seed).job.stages)
    values = values_of(claim, results)
    is_whole = len(arms) == len(claim.arms) and chosen == claim.seeds
    verdict = decide(claim, values, results) if is_whole else None
    missing, matrix = tuple(set(claim.arms) - set(arms)), part_matrix(claim, results)
    outcome = Outcome(values, seconds, chosen, verdict, missing, matrix)
    close_run(loaded, reporter, parent, outcome)
    return outcome


def check_arms(loaded: LoadedClaim, arms: Sequence[str]) -> None:
    """Check every arm's job as the job runner does, before the first one runs.

    Raises:
        InputError: as :func:`embedworks.jobs.runner.check_job`.
    """
    for arm in arms:
        check_job(loaded.job(arm, loaded.claim.seeds[0], measured=True))


def open_run(loaded: LoadedClaim, reporter: Reporter) -> str:
    """The claim's own MLflow run, in which those of its jobs are; the same one on the next try."""
    state = load_state(loaded.folder)
    tracker = _tracker(loaded, reporter)
    claim = loaded.claim
    state.run_id = tracker.start(
        f"claim {claim.name}", {"seeds": list(claim.seeds), "profile": loaded.profile}, run_id=state.run_id
    )
    state.save(loaded.folder)
    tracker.close()
    return state.run_id


def close_run(loaded: LoadedClaim, reporter: Reporter, run_id: str, outcome: Outcome) -> None:
    """Log the means, and the verdict where there is one."""
    tracker = _tracker(loaded, reporter)
    for arm, measures in outcome.values.items():
        means = {f"{arm}/{name}": sum(one.values()) / len(one) for name, one in measures.items()}
        tracker.metrics(run_id, means)
    if outcome.verdict:
        tracker.tags(run_id, {"verdict": outcome.verdict.word})
    tracker.end(run_id)
    tracker.close()


def _tracker(loaded: LoadedClaim, reporter: Reporter) -> Tracker:
    return Tracker(loaded.tracking, f"claim-{loaded.claim.name}", loaded.folder, reporter.note)


def _seeds(fixed: tuple[int, ...], wanted: int | None) -> tuple[int, ...]:
    if wanted is None:
        return fixed
    if not 1 <= wanted <= len(fixed):
        raise InputError(
            f"{wanted} seeds are asked for, and the claim has fixed {len(fixed)}",
            where="--seeds",
            expected=f"1 to {len(fixed)}: seeds are not added when results are known",
        )
    return fixed[:wanted]


class Pace:
    """Tells which run is on, and how long the rest may take."""

    def __init__(self, reporter: Reporter, runs: int) -> None:
        self._reporter = reporter
        self._runs = runs
        self._begun = 0
        self._times: list[float] = []
        self._start = 0.0

    def tell(self, arm: str, seed: int) -> None:
        """A line about the run that begins."""
        text = f"[{self._begun + 1}/{self._runs}] {arm}, seed {seed}"
        if self._times:
            left = sum(self._times) / len(self._times) * (self._runs - self._begun)
            text += f"; about {left / 60:.0f} min left"
        self._reporter.note(text)
        self._begun += 1
        self._start = time.monotonic()

    def done(self) -> None:
        """Note its time, unless an earlier try had done it all."""
        if (seconds := time.monotonic() - self._start) > DONE_BEFORE_SECONDS:
            self._times.append(seconds)


def spent(folders: Any) -> float:
    """Seconds that the stages in these folders took, where each noted its own."""
    return sum(load_state(Path(folder)).seconds for folder in folders)
