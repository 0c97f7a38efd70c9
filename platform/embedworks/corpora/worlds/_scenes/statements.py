"""What a text claims of a scene, apart from how it is worded; and whether the scene bears it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from embedworks.corpora.worlds._scenes.english import Phrase
from embedworks.corpora.worlds._scenes.model import Placed, Scene
from embedworks.corpora.worlds._scenes.relations import Table, Verdict


@dataclass(frozen=True)
class Statement:
    """That things are there, and how the first one is related to the second.

    Attributes:
        phrases: What is there.
        predicate: How the first is related to the second; None if only their presence is claimed.
    """

    phrases: tuple[Phrase, ...]
    predicate: str | None = None

    def with_phrase(self, index: int, phrase: Phrase) -> Statement:
        """The same with another phrase in one place."""
        phrases = (*self.phrases[:index], phrase, *self.phrases[index + 1 :])
        return replace(self, phrases=phrases)


def fits(placed: Placed, phrase: Phrase) -> bool:
    """Whether a phrase may be said of an object."""
    return placed.name == phrase.name and all(placed.attribute(part) == word for part, word in phrase.words)


def meant(scene: Scene, phrase: Phrase) -> list[int]:
    """The objects that a phrase fits."""
    return [index for index, placed in enumerate(scene.objects) if fits(placed, phrase)]


def verdict(scene: Scene, table: Table, statement: Statement) -> Verdict:
    """Whether a statement is true of a scene, false of it, or too close to call."""
    found = [meant(scene, phrase) for phrase in statement.phrases]
    if any(len(each) < phrase.count for each, phrase in zip(found, statement.phrases, strict=True)):
        return False
    if statement.predicate is None:
        return _assignable(statement.phrases, found)
    first, second = statement.phrases[:2]
    answers = [table[statement.predicate, i, j] for i, j in product(*found[:2]) if i != j]
    if all(answer is False for answer in answers):
        return False
    exact = all(
        phrase.count in (1, len(each)) for each, phrase in zip(found, (first, second), strict=False)
    )
    every = all if first.count > 1 or second.count > 1 else any
    return True if exact and every(answer is True for answer in answers) else None


def _assignable(
    phrases: Sequence[Phrase], found: Sequence[list[int]], taken: frozenset[int] = frozenset()
) -> bool:
    """Whether each phrase has objects of its own: one object may not serve twice."""
    if not phrases:
        return True
    free = [index for index in found[0] if index not in taken]
    if len(free) < phrases[0].count:
        return False
    return any(
        _assignable(phrases[1:], found[1:], taken | set(chosen))
        for chosen in combinations(free, phrases[0].count)
    )
