"""What can be wrong with a job: the checks gather problems, and the first becomes an InputError."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from embedworks.errors import InputError, KeyPath, nearest
from embedworks.jobs.source import SourceMap


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: The key at fault.
        what: What is wrong with it, naming the key.
        expected: What would have been accepted.
        name: The unknown name, if the fault is one.
        known: The names that would have been right.
        unknown_key: Whether the key itself is the fault.
    """

    path: KeyPath
    what: str
    expected: str | None = None
    name: str | None = None
    known: Collection[str] = ()
    unknown_key: bool = False


def refuse(problems: Collection[Problem], source: SourceMap) -> None:
    """Raise the first of the problems, if there is one.

    A misspelt key goes before all others: it is often why another key seems to be missing.

    Raises:
        InputError: naming the place, and how many problems there are.
    """
    if not problems:
        return
    first = min(problems, key=lambda problem: (not _misspelt(problem), source.line(problem.path)))
    count = f" (1 of {len(problems)} problems)" if len(problems) > 1 else ""
    raise InputError(
        first.what + count,
        where=source.locate(first.path),
        expected=first.expected,
        name=first.name,
        known=first.known,
    )


def _misspelt(problem: Problem) -> bool:
    return problem.unknown_key and nearest(problem.name or "", problem.known) is not None
