"""Find what a docstring goes on to say from its first sentence; functions of modules kept for testing.

Candidates are those of the whole benchmark, whatever their split. A query's own (sentence, passage) alone
is right: no passage stands in two candidates, and no query belongs to two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import About, Search, first_texts, retrieval_task

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskRetrieval

NAME = "docstring-questions-retrieval"
corpora = ("docstring-questions",)
MAX_QUERIES = 1000

ABOUT = About(
    name=NAME,
    description=(
        "First sentences of docstrings of modules that no training row has, their functions' names masked, "
        "against signature and remaining docstring of every function of the corpus; at most "
        f"{MAX_QUERIES} queries, chosen by hash. The function's own is right."
    ),
    kind="Retrieval",
    main_score="recall_at_10",
    domains=("Programming", "Written"),
    license="bsd-3-clause",
    subtypes=("Question answering",),
    cutoffs=(1, 5, 10, 50, 100),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskRetrieval:
    """The task from all splits of ``docstring-questions``."""
    corpus = corpora["docstring-questions"]
    columns = ["query", "positive"]
    pairs = {row["query"]: row["positive"] for row in corpus.iter_rows("test", columns=columns)}
    documents = [
        row["positive"]
        for split in corpus.manifest.splits
        for row in corpus.iter_rows(split, columns=columns)
    ]
    kept = first_texts(pairs, MAX_QUERIES)
    return retrieval_task(ABOUT, Search({query: [pairs[query]] for query in kept}, documents))
