"""What arms, measures, budget and rule of a claim must agree on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from embedworks.errors import KeyPath, dotted
from embedworks.jobs.claims.schema import Claim, Condition
from embedworks.jobs.problems import Problem
from embedworks.jobs.schema import EvaluateStage, Job, MergeStage, TrainStage


def check_claim(claim: Claim, jobs: Mapping[str, Job]) -> Iterator[Problem]:
    """Yield every disagreement within a claim.

    Args:
        claim: The claim.
        jobs: Arm -> its job, with the stages that measure it.
    """
    yield from _check_arms(claim, jobs)
    yield from _check_measures(claim, jobs)
    for word in ("premise", "reproduced", "not_reproduced"):
        for index, condition in enumerate(getattr(claim.rule, word)):
            yield from _check_condition(claim, condition, ("rule", word, index))
    yield from _check_budget(claim, jobs)
    yield from _check_profiles(claim, jobs)


def samples_of(job: Job) -> int:
    """Samples that the training in a job sees: steps x batch, over all stages that train.

    A stage counts whose length is given in steps; the others are refused by :func:`check_claim`.
    """
    stages = [stage for stage in job.stages if isinstance(stage, TrainStage | MergeStage)]
    return sum((stage.steps or 0) * stage.batch_size for stage in stages)


def _check_arms(claim: Claim, jobs: Mapping[str, Job]) -> Iterator[Problem]:
    roles = {arm.role for arm in claim.arms.values()}
    if missing := {"system", "baseline"} - roles:
        yield Problem(("arms",), f"arms has no arm whose role is {missing.pop()}", "one of each role")
    for name, arm in claim.arms.items():
        stages = [s.name for s in jobs[name].stages if not isinstance(s, EvaluateStage)]
        for key in (arm.model, *arm.reads):
            if key not in stages:
                path: KeyPath = ("arms", name, "model")
                what = f"{dotted(path)} is {key!r}, which is no stage of the arm"
                yield Problem(path, what, f"one of {', '.join(stages)}", key, stages)


def _check_measures(claim: Claim, jobs: Mapping[str, Job]) -> Iterator[Problem]:
    seen: list[str] = []
    for name, measure in claim.measures.items():
        path: KeyPath = ("measures", name)
        for other in measure.mean_of or ():
            yield from _known(other, seen, (*path, "mean_of"), "measures above it")
        for key in ("zero", "one"):
            if (arm := getattr(measure, key)) is not None:
                yield from _known(arm, list(claim.arms), (*path, key), "arms")
        if measure.stage and not any(measure.stage in {s.name for s in j.stages} for j in jobs.values()):
            known = list(dict.fromkeys(stage.name for job in jobs.values() for stage in job.stages))
            yield from _known(measure.stage, known, (*path, "stage"), "stages of the arms")
        seen.append(name)


def _check_condition(claim: Claim, condition: Condition, path: KeyPath) -> Iterator[Problem]:
    yield from _known(condition.measure, list(claim.measures), (*path, "measure"), "measures")
    for key in ("of", "over"):
        if (arm := getattr(condition, key)) is not None:
            yield from _known(arm, list(claim.arms), (*path, key), "arms")
    if condition.also:
        yield from _check_condition(claim, condition.also, (*path, "also"))


def _check_budget(claim: Claim, jobs: Mapping[str, Job]) -> Iterator[Problem]:
    excused = claim.budget.exceptions
    left_out = {arm for block in claim.profiles.values() for arm in block.without}
    for name in excused.keys() - left_out:
        yield from _known(name, list(claim.arms), ("budget", "exceptions", name), "arms")
    for name, job in jobs.items():
        if any(getattr(stage, "epochs", None) for stage in job.stages):
            yield Problem(("arms", name), f"arms.{name} trains for epochs", "steps: they are the budget")
    totals = {name: samples_of(job) for name, job in jobs.items() if name not in excused}
    if len(set(totals.values())) > 1:
        told = ", ".join(f"{name} {samples}" for name, samples in totals.items())
        what = f"the arms do not see equally many samples: {told}"
        yield Problem(("arms",), what, "one budget, or a reason under budget.exceptions")


def _check_profiles(claim: Claim, jobs: Mapping[str, Job]) -> Iterator[Problem]:
    names = list(dict.fromkeys(stage.name for job in jobs.values() for stage in job.stages))
    for profile, block in claim.profiles.items():
        for key in block.set:
            path: KeyPath = ("profiles", profile, "set", key)
            yield from _known(key.partition(".")[0], names, path, "stages of the arms")
        for arm in block.arms:
            yield from _known(arm, list(claim.arms), ("profiles", profile, "arms", arm), "arms")


def _known(name: str, known: list[str], path: KeyPath, word: str) -> Iterator[Problem]:
    if name not in known:
        what = f"{dotted(path)} names {name!r}, which is not among the {word}"
        yield Problem(path, what, f"one of {', '.join(known)}" if known else None, name, known)
