"""Cluster paragraphs of Python's language reference by the topic that they stand in; test topics only.

All topics speak of one language in one voice, so clusters follow what is said, not how.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import clustering_task, texts_of_classes
from embedworks.evaluation.local import About

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClustering

NAME = "python-docs-topics"
corpora = ("python-docs",)

MIN_PARAGRAPHS = 5  # of a topic
MAX_PARAGRAPHS = 30

ABOUT = About(
    name=NAME,
    description=(
        "Paragraphs of Python's language reference, of topics that no training row has, by topic: topics "
        f"of {MIN_PARAGRAPHS} paragraphs or more, at most {MAX_PARAGRAPHS} a topic, chosen by hash. "
        "Paragraphs that stand in several topics are left out."
    ),
    kind="Clustering",
    main_score="v_measure",
    domains=("Programming", "Written"),
    license="https://docs.python.org/3/license.html",
    subtypes=("Thematic clustering",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskClustering:
    """The task from the test split of ``python-docs``."""
    places: dict[str, set[str]] = defaultdict(set)
    for row in corpora["python-docs"].iter_rows("test", columns=["positive", "topic"]):
        places[row["positive"]].add(row["topic"])
    topics: dict[str, list[str]] = defaultdict(list)
    for text, found in places.items():
        if len(found) == 1:
            topics[found.copy().pop()].append(text)
    return clustering_task(ABOUT, texts_of_classes(topics, MAX_PARAGRAPHS, MIN_PARAGRAPHS))
