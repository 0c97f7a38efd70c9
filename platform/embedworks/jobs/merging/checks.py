"""What the keys of a merge stage must agree on."""

from __future__ import annotations

from collections.abc import Iterator

from embedworks.errors import KeyPath, dotted
from embedworks.jobs.merging.options import GREEDY
from embedworks.jobs.problems import Problem
from embedworks.jobs.references import VOCABULARIES
from embedworks.jobs.schema import MergeStage


def is_greedy(method: str) -> bool:
    """Whether a method is the soup that adds models one by one."""
    return method.replace("_", "-") == GREEDY


def check_merge(stage: MergeStage, at: KeyPath) -> Iterator[Problem]:
    """Yield every disagreement within a merge stage."""
    if (stage.models is None) == (stage.slices is None):
        given = "both models and slices" if stage.models else "neither models nor slices"
        yield Problem(at, f"{dotted(at)} has {given}", "one of the two")
    if (stage.steps is not None or stage.epochs is not None) and stage.probe is None:
        expected = "a corpus under `probe`, or no steps and epochs"
        yield Problem(at, f"{dotted(at)} searches, but has no probe", expected)
    known = (*VOCABULARIES, *stage.model_names, *((stage.base,) if stage.base else ()))
    if stage.tokenizer is not None and stage.tokenizer not in known:
        path = (*at, "tokenizer")
        what = f"{dotted(path)} is {stage.tokenizer!r}, which is none of the models"
        yield Problem(path, what, f"one of {', '.join(known)}", stage.tokenizer, known)
    yield from _check_goal(stage, at)


def _check_goal(stage: MergeStage, at: KeyPath) -> Iterator[Problem]:
    """A goal belongs to what compares merges, and what compares them has one."""
    greedy = is_greedy(stage.method)
    compares = stage.search is not None or greedy
    if compares and stage.goal is None:
        what = f"{dotted(at)} compares merges, but has no goal"
        yield Problem(at, what, "the key `goal`, such as goal: {tasks: [...]}")
    if stage.goal and not compares:
        path = (*at, "goal")
        yield Problem(path, f"{dotted(path)} is set, and nothing is compared", f"`search` or {GREEDY}")
    if stage.goal and stage.goal.probe and stage.probe is None:
        path = (*at, "goal", "probe")
        yield Problem(path, f"{dotted(path)} is set, and there is no probe", "a corpus under `probe`")
    if stage.slices and compares:
        path = (*at, "slices")
        yield Problem(path, f"{dotted(path)} cannot be searched", "`models`")
    if stage.search and greedy:
        path = (*at, "search")
        yield Problem(path, f"{dotted(path)} is set, and {GREEDY} has nothing to search", "no search")
