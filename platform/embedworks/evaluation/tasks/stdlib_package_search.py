"""Find the function of a docstring among those of its package; packages that no training row has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.local import About, cut, group, retrieval_task
from embedworks.evaluation.parted import parted_task

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskRetrieval

NAME = "stdlib-package-search"
corpora = ("stdlib-code",)

MIN_FUNCTIONS = 20  # of a package
MAX_QUERIES = 60

ABOUT = About(
    name=NAME,
    description=(
        "Docstrings of top-level packages of the standard library that no training row has, each against "
        f"the functions of its own package: a data set for each of {MIN_FUNCTIONS} functions or more, at "
        f"most {MAX_QUERIES} docstrings, chosen by hash."
    ),
    kind="Retrieval",
    main_score="ndcg_at_10",
    domains=("Programming", "Written"),
    license="https://docs.python.org/3/license.html",
    subtypes=("Code retrieval",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskRetrieval:
    """The task from the test split of ``stdlib-code``."""
    packages: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in corpora["stdlib-code"].iter_rows("test", columns=["query", "positive", "module"]):
        packages[row["module"].partition(".")[0]].append((row["query"], row["positive"]))
    return parted_task(
        ABOUT,
        {
            name: retrieval_task(ABOUT, cut(group(pairs), queries=MAX_QUERIES))
            for name, pairs in sorted(packages.items())
            if len(pairs) >= MIN_FUNCTIONS
        },
    )
