"""Find the paragraph of Python's language reference that answers a query; test topics only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import (
    MAX_DOCUMENTS,
    MAX_QUERIES,
    About,
    cut,
    group,
    retrieval_task,
)

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskRetrieval

NAME = "python-docs-retrieval"
corpora = ("python-docs",)

ABOUT = About(
    name=NAME,
    description=(
        "Queries about topics of Python's language reference that no training row has, against every "
        f"paragraph of those topics; at most {MAX_QUERIES} queries and {MAX_DOCUMENTS} paragraphs, chosen "
        "by hash. All paragraphs of a query that occurs more than once are right."
    ),
    kind="Retrieval",
    main_score="ndcg_at_10",
    domains=("Programming", "Written"),
    license="https://docs.python.org/3/license.html",
    subtypes=("Question answering",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskRetrieval:
    """The task from the test split of ``python-docs``."""
    rows = corpora["python-docs"].iter_rows("test", columns=["query", "positive"])
    search = group((row["query"], row["positive"]) for row in rows)
    return retrieval_task(ABOUT, cut(search))
