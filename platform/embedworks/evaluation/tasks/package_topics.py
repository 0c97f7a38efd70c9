"""Tell the topic of a Python package by its summary; distributions that no training row has.

The summaries are those of the distributions that are installed, so the data is another one in another
environment, as its digest says: compare models on it within one environment only. It is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import classification_task, labelled_texts
from embedworks.evaluation.local import About

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClassification

NAME = "package-topics"
corpora = ("packages",)

ABOUT = About(
    name=NAME,
    description=(
        "Summaries of installed Python distributions by the top level of their topic classifier; topics of "
        "which the train split has enough examples."
    ),
    kind="Classification",
    main_score="accuracy",
    domains=("Programming", "Written"),
    license="not specified",
    subtypes=("Topic classification",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskClassification:
    """The task from ``packages``: examples from its train split, scores on its test split."""
    packages = corpora["packages"]
    train, test = (labelled_texts(packages, split, "summary", "label") for split in ("train", "test"))
    return classification_task(ABOUT, train, test)
