"""Grade how close two paragraphs of Python's language reference stand; test topics only.

The gold score is the structure its authors gave the text, so it needs no annotator:

    2   the paragraphs stand in one section of one topic
    1   they stand in one topic, in different sections
    0   they stand in different topics that share no paragraph

The reference prints some paragraphs under several topics. Those are left out, and two topics that share
one are never a 0: their distance is not known. The grades are equally frequent, and the pairs of each are
the first ones by hash, so the set depends on the corpus alone.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import About, similarity_task, text_order

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskSTS

NAME = "python-docs-similarity"
corpora = ("python-docs",)

TOP_GRADE = 2
MAX_PAIRS_A_GRADE = 200
MAX_PARAGRAPHS = 500  # all pairs of these are weighed: 125 thousand

ABOUT = About(
    name=NAME,
    description=(
        "Pairs of paragraphs of Python's language reference, from topics that no training row has: 2 for "
        "one section, 1 for one topic, 0 for unrelated topics, equally many of each, at most "
        f"{MAX_PAIRS_A_GRADE} a grade."
    ),
    kind="STS",
    main_score="cosine_spearman",
    domains=("Programming", "Written"),
    license="https://docs.python.org/3/license.html",
)


class Paragraph(NamedTuple):
    """A paragraph with its only place."""

    text: str
    topic: str
    section: str


def build(corpora: Mapping[str, Corpus]) -> AbsTaskSTS:
    """The task from the test split of ``python-docs``."""
    columns = ["positive", "topic", "title"]
    pairs = graded_pairs(corpora["python-docs"].iter_rows("test", columns=columns))
    return similarity_task(ABOUT, pairs, TOP_GRADE)


def graded_pairs(rows: Iterable[dict[str, Any]]) -> list[tuple[str, str, float]]:
    """(text, text, grade), equally many of each grade; empty if a grade has no pair."""
    paragraphs, tied = _places(rows)
    graded: dict[int, list[tuple[str, Paragraph, Paragraph]]] = {0: [], 1: [], 2: []}
    keys = {paragraph: text_order(paragraph.text) for paragraph in paragraphs}
    for one, other in combinations(paragraphs, 2):
        grade = _grade(one, other, tied)
        if grade is not None:
            order = hashlib.sha256((keys[one] + keys[other]).encode()).hexdigest()
            graded[grade].append((order, one, other))
    count = min(MAX_PAIRS_A_GRADE, *(len(found) for found in graded.values()))
    return [
        (one.text, other.text, float(grade))
        for grade, found in graded.items()
        for _, one, other in sorted(found)[:count]
    ]


def _grade(one: Paragraph, other: Paragraph, tied: set[frozenset[str]]) -> int | None:
    if one.topic != other.topic:
        return None if frozenset((one.topic, other.topic)) in tied else 0
    return 2 if one.section == other.section else 1


def _places(rows: Iterable[dict[str, Any]]) -> tuple[list[Paragraph], set[frozenset[str]]]:
    """Paragraphs with one place, in hash order, and the pairs of topics that share a paragraph."""
    places: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in rows:
        places[row["positive"]].add((row["topic"], row["title"]))
    tied = {
        frozenset(pair)
        for found in places.values()
        for pair in combinations(sorted({topic for topic, _ in found}), 2)
    }
    single = [Paragraph(text, *next(iter(found))) for text, found in places.items() if len(found) == 1]
    return sorted(single, key=lambda paragraph: text_order(paragraph.text))[:MAX_PARAGRAPHS], tied
