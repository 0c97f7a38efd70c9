"""Cluster docstrings of Python's standard library by their module; modules that no training row has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import clustering_task, texts_of_classes
from embedworks.evaluation.local import About

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClustering

NAME = "stdlib-modules"
corpora = ("stdlib-code",)

MIN_FUNCTIONS = 8  # of a module
MAX_FUNCTIONS = 25

ABOUT = About(
    name=NAME,
    description=(
        "What docstrings say, of modules of the standard library that no training row has, by module: "
        f"modules of {MIN_FUNCTIONS} functions or more, at most {MAX_FUNCTIONS} a module, chosen by hash."
    ),
    kind="Clustering",
    main_score="v_measure",
    domains=("Programming", "Written"),
    license="https://docs.python.org/3/license.html",
    subtypes=("Thematic clustering",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskClustering:
    """The task from the test split of ``stdlib-code``."""
    modules: dict[str, list[str]] = defaultdict(list)
    for row in corpora["stdlib-code"].iter_rows("test", columns=["query", "module"]):
        modules[row["module"]].append(row["query"])
    return clustering_task(ABOUT, texts_of_classes(modules, MAX_FUNCTIONS, MIN_FUNCTIONS))
