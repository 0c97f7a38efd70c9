"""Find the word that a definition explains (reverse dictionary); headwords that no training row has.

The definition does not name its headword, so whole words find next to nothing. It often has a word of the
same root, though, so letters are a strong baseline: what a model scores beyond them is what it knows of
meanings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import MAX_DOCUMENTS, MAX_QUERIES, About, cut, group, retrieval_task

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskRetrieval

NAME = "reverse-dictionary"
corpora = ("dictionary",)

ABOUT = About(
    name=NAME,
    description=(
        "Definitions of an English dictionary against headwords, none of which a training row has; at most "
        f"{MAX_QUERIES} definitions and {MAX_DOCUMENTS} headwords, chosen by hash. Every headword of a "
        "definition that several share is right."
    ),
    kind="Retrieval",
    main_score="ndcg_at_10",
    domains=("Written",),
    license="gpl-3.0",
    subtypes=("Question answering",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskRetrieval:
    """The task from the test split of ``dictionary``, phrases left out: they tell words of their own."""
    columns = ["query", "headword", "kind"]
    rows = corpora["dictionary"].iter_rows("test", columns=columns)
    search = group((row["query"], row["headword"]) for row in rows if row["kind"] == "entry")
    return retrieval_task(ABOUT, cut(search))
