"""Find the function of Python's standard library that a docstring describes; test modules only."""

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

NAME = "stdlib-code-search"
corpora = ("stdlib-code",)

ABOUT = About(
    name=NAME,
    description=(
        "Docstrings of modules of the standard library that no training row has, against the code of "
        f"those modules' functions; at most {MAX_QUERIES} docstrings and {MAX_DOCUMENTS} functions, chosen "
        "by hash. Every function of a docstring that several share is right."
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
    search = group((row["query"], row["positive"]) for row in rows)
    return retrieval_task(ABOUT, cut(search))
