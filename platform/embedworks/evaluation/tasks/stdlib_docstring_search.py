"""Find the docstring that belongs to a function's code; test modules only.

The other way round than ``stdlib-code-search``: the query is long and the answer short, so a model that
has learnt where questions go, and not what code does, loses here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import MAX_DOCUMENTS, MAX_QUERIES, About, cut, group, retrieval_task

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskRetrieval

NAME = "stdlib-docstring-search"
corpora = ("stdlib-code",)

ABOUT = About(
    name=NAME,
    description=(
        "Functions of modules of the standard library that no training row has, against the docstrings of "
        f"those modules; at most {MAX_QUERIES} functions and {MAX_DOCUMENTS} docstrings, chosen by hash. "
        "Every docstring of a function that occurs more than once is right."
    ),
    kind="Retrieval",
    main_score="ndcg_at_10",
    domains=("Programming", "Written"),
    license="https://docs.python.org/3/license.html",
    subtypes=("Code retrieval",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskRetrieval:
    """The task from the test split of ``stdlib-code``."""
    rows = corpora["stdlib-code"].iter_rows("test", columns=["query", "positive"])
    search = group((row["positive"], row["query"]) for row in rows)
    return retrieval_task(ABOUT, cut(search))
