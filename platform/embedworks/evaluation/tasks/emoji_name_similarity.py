"""Grade how near the names of two emoji are, by the keywords that they share; held-out emoji only.

The gold score is the Jaccard index of the two emoji's keywords, which people chose without a model. Names
are two or three words long and few share one, so what scores is what a model knows of things, not of texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import About, similarity_task, text_order

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskSTS

NAME = "emoji-name-similarity"
corpora = ("emoji-names",)

MIN_TAGS = 3  # the index of fewer keywords is coarse
EDGES = (0.0, 0.1, 0.2, 1.0)  # bins of the index: 0 itself, and up to each edge
MAX_PAIRS_A_BIN = 150

ABOUT = About(
    name=NAME,
    description=(
        "Pairs of English names of emoji that no training row has, graded by the Jaccard index of their "
        f"keywords; at most {MAX_PAIRS_A_BIN} pairs, chosen by hash, of each of {len(EDGES)} ranges."
    ),
    kind="STS",
    main_score="cosine_spearman",
    domains=("Web", "Written"),
    license="mit",
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskSTS:
    """The task from the test split of ``emoji-names``."""
    rows = corpora["emoji-names"].iter_rows("test", columns=["query", "tags"])
    return similarity_task(ABOUT, graded_pairs(rows), 1)


def graded_pairs(rows: Iterable[dict[str, Any]]) -> list[tuple[str, str, float]]:
    """(name, name, Jaccard index of the keywords), in hash order within each range of the index."""
    tags = {row["query"]: set(row["tags"]) for row in rows if len(row["tags"]) >= MIN_TAGS}
    bins: dict[int, list[tuple[str, str, float]]] = {place: [] for place in range(len(EDGES))}
    for one, other in combinations(sorted(tags), 2):
        index = len(tags[one] & tags[other]) / len(tags[one] | tags[other])
        place = next(place for place, edge in enumerate(EDGES) if index <= edge)
        bins[place].append((one, other, round(index, 4)))
    return [
        pair
        for found in bins.values()
        for pair in sorted(found, key=lambda pair: text_order("\n".join(pair[:2])))[:MAX_PAIRS_A_BIN]
    ]
