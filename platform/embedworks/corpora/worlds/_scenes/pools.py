"""Which names are drawn together, how often, and which of their pairs are held out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, TypeVar

import numpy as np

from embedworks.corpora.recipe import row_rng
from embedworks.corpora.splitting import hash_order
from embedworks.corpora.worlds._scenes.options import SceneOptions
from embedworks.corpora.worlds._scenes.vocabulary import Concept, all_concepts, choose

PAIR_SHARE = 0.15  # of all pairs of names, held out
PLANTED_THEMES, TOPICS_EACH = 25, 3
T = TypeVar("T")
Pair = tuple[str, str]  # in alphabetical order


def pick(items: Sequence[T], rng: np.random.Generator) -> T:
    """One of ``items``, each as likely; several times faster than ``rng.choice``."""
    return items[int(rng.random() * len(items))]


class Weighted(Generic[T]):
    """Items that are drawn with frequencies."""

    def __init__(self, items: Iterable[T], weights: Iterable[float]) -> None:
        self.items = tuple(items)
        total = np.cumsum(list(weights))
        self.edges = total / total[-1] if len(total) else total

    def __len__(self) -> int:
        return len(self.items)

    def draw(self, rng: np.random.Generator) -> T:
        """One item."""
        return self.items[int(self.edges.searchsorted(rng.random(), side="right"))]


@dataclass(frozen=True)
class Pool:
    """Names that are drawn together.

    Attributes:
        theme: What it is called, if it is a theme.
        topics: Its topics, if it is a theme.
        concepts: Names.
        novel: Those of them that can be held out.
        pairs: Pairs of them that are held out.
    """

    theme: str | None
    topics: tuple[str, ...]
    concepts: Weighted[Concept]
    novel: Weighted[Concept]
    pairs: Weighted[tuple[Concept, Concept]]


def vocabulary(options: SceneOptions) -> tuple[tuple[Concept, ...], tuple[Concept, ...]]:
    """The names that objects are drawn from, and those that marks are drawn from: none is both."""
    found = all_concepts(options.seed)
    drawable = {concept.name: concept for concept in found if concept.icons}
    marks = [drawable[name] for name in hash_order(drawable, options.seed + 1)[: options.marks]]
    usable = (
        concept
        for concept in found
        if concept not in marks
        and (not options.categories or concept.category in options.categories)
        and (options.kinds != "icon" or concept.icons)
    )
    return choose(usable, options.concepts, options.seed), tuple(marks)


def frequencies(concepts: Sequence[Concept], options: SceneOptions) -> dict[str, float]:
    """Name -> how often it is drawn, up to a factor."""
    order = hash_order((concept.name for concept in concepts), options.seed + 2)
    return {name: 1 / rank if options.tail else 1.0 for rank, name in enumerate(order, 1)}


def held_out_pairs(concepts: Sequence[Concept], options: SceneOptions) -> frozenset[Pair]:
    """Pairs that no train scene has."""
    if options.hold_out != "pairs":
        return frozenset()
    pairs = {"+".join(pair): pair for pair in combinations(sorted(each.name for each in concepts), 2)}
    return frozenset(
        pairs[name] for name in hash_order(pairs, options.seed)[: math.ceil(PAIR_SHARE * len(pairs))]
    )


def pools(
    concepts: Sequence[Concept], weights: dict[str, float], apart: frozenset[Pair], options: SceneOptions
) -> list[Pool]:
    """One for each theme; one of all names if there are no themes."""
    found = []
    for theme, topics in _themes(concepts, options):
        members = [concept for concept in concepts if theme is None or concept.topic in topics]
        novel = [concept for concept in members if concept.novel]
        pairs = [(a, b) for a, b in combinations(members, 2) if (a.name, b.name) in apart]
        found.append(
            Pool(
                theme,
                topics,
                Weighted(members, (weights[each.name] for each in members)),
                Weighted(novel, (weights[each.name] for each in novel)),
                Weighted(pairs, (weights[a.name] * weights[b.name] for a, b in pairs)),
            )
        )
    return found


def _themes(
    concepts: Sequence[Concept], options: SceneOptions
) -> Iterable[tuple[str | None, tuple[str, ...]]]:
    """Theme and its topics."""
    topics: dict[str, str] = {concept.topic: concept.category for concept in concepts}
    names = sorted(topics)
    if options.theme == "category":
        return [
            (category, tuple(topic for topic in names if topics[topic] == category))
            for category in sorted(set(topics.values()))
        ]
    if options.theme == "topic":
        return [(topic, (topic,)) for topic in names]
    if options.theme == "planted":
        return [
            (f"theme {number:02d}", _planted(names, number, options)) for number in range(PLANTED_THEMES)
        ]
    return [(None, ())]


def _planted(topics: Sequence[str], number: int, options: SceneOptions) -> tuple[str, ...]:
    """A mixture of topics; the first themes see to it that every topic has one."""
    rng = row_rng(options.seed, "scenes", "themes", number)
    first = topics[number % len(topics)]
    others = [topic for topic in topics if topic != first]
    chosen = rng.permutation(len(others))[: TOPICS_EACH - 1]
    return tuple(sorted([first, *(others[index] for index in chosen)]))
