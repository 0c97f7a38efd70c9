"""Grade how near the names of two emoji of one group are, group by group; held-out emoji only.

As ``emoji-name-similarity``, but both are food, or both are animals, so that telling groups apart is no
help. Flags have no keywords to speak of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import About, similarity_task
from embedworks.evaluation.parted import parted_task
from embedworks.evaluation.tasks.emoji_name_similarity import graded_pairs

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskSTS

NAME = "emoji-group-similarity"
corpora = ("emoji-names",)

MIN_PAIRS = 40  # of a group

ABOUT = About(
    name=NAME,
    description=(
        "Pairs of English names of emoji of one Unicode group, that no training row has, graded by the "
        f"Jaccard index of their keywords; a data set for each group of {MIN_PAIRS} pairs or more."
    ),
    kind="STS",
    main_score="cosine_spearman",
    domains=("Web", "Written"),
    license="mit",
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskSTS:
    """The task from the test split of ``emoji-names``."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in corpora["emoji-names"].iter_rows("test", columns=["query", "tags", "category"]):
        groups[row["category"]].append(row)
    pairs = {name: graded_pairs(rows) for name, rows in sorted(groups.items())}
    kept = {name: found for name, found in pairs.items() if len(found) >= MIN_PAIRS}
    return parted_task(ABOUT, {name: similarity_task(ABOUT, found, 1) for name, found in kept.items()})
