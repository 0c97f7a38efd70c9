"""What comparisons and gates must agree on with the rest of a job."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from embedworks.errors import KeyPath, dotted
from embedworks.jobs.problems import Problem
from embedworks.jobs.schema import EvaluateStage, Job, RegisterStage, ReportStage, Stage


def check_compare(stage: EvaluateStage, at: KeyPath) -> Iterator[Problem]:
    """A reference is one of the models, and there is something to compare with it."""
    if not stage.compare:
        return
    path = (*at, "compare", "to")
    if stage.compare.to not in stage.models:
        yield _not_in(path, stage.compare.to, stage.models, "models", stage.name)
    elif len(set(stage.models)) == 1:
        yield Problem(
            path, f"{dotted(path)} is {stage.compare.to!r}, the only model", "another in `models`"
        )


def check_require(stage: RegisterStage, at: KeyPath, scored: Stage) -> Iterator[Problem]:
    """A gate guards an alias, and tests samples, which an evaluate stage alone keeps."""
    if not stage.require:
        return
    path = (*at, "require")
    if not isinstance(scored, EvaluateStage):
        what = f"{dotted(path)} tests samples, and {scored.name!r} is a {scored.kind} stage"
        yield Problem(path, what, "`from` an evaluate stage")
        return
    if stage.alias is None:
        yield Problem(path, f"{dotted(path)} guards an alias, and alias is null", "an alias")
        return
    rival, choices = stage.require.better_than, (stage.alias, *scored.models)
    if rival is not None and rival not in choices:
        yield _not_in((*path, "better_than"), rival, choices, "alias and the models", scored.name)
    for place, task in enumerate(stage.require.tasks or ()):
        if task not in scored.tasks:
            yield _not_in((*path, "tasks", place), task, scored.tasks, "tasks", scored.name)


def check_report(job: Job, index: int, stage: ReportStage) -> Iterator[Problem]:
    """A report is of an evaluate stage before it, and compares with one of its models."""
    at: KeyPath = ("stages", index)
    earlier = {one.name: one for one in job.stages[:index] if isinstance(one, EvaluateStage)}
    scored = earlier.get(stage.from_)
    if scored is None:
        path = (*at, "from")
        what = f"{dotted(path)} names {stage.from_!r}, which is no evaluate stage before it"
        expected = f"an evaluate stage before it: {', '.join(earlier)}" if earlier else "an evaluate stage"
        yield Problem(path, what, expected, stage.from_, earlier)
    elif stage.to is not None and stage.to not in scored.models:
        yield _not_in((*at, "to"), stage.to, scored.models, "models", stage.from_)


def _not_in(path: KeyPath, name: str, known: Collection[str], word: str, stage: str) -> Problem:
    what = f"{dotted(path)} is {name!r}, which is not among the {word} of {stage!r}"
    return Problem(path, what, f"one of {', '.join(known)}", name, known)
