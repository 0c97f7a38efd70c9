"""Tell the group of an emoji by its English name: food, flags, ...; emoji that no training row has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import classification_task, labelled_texts
from embedworks.evaluation.local import About

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClassification

NAME = "emoji-groups"
corpora = ("emoji-names",)

ABOUT = About(
    name=NAME,
    description="English names of emoji that no training row has, by the Unicode group of the emoji.",
    kind="Classification",
    main_score="accuracy",
    domains=("Web", "Written"),
    license="mit",
    subtypes=("Topic classification",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskClassification:
    """The task from ``emoji-names``: examples from its train split, scores on its test split."""
    emoji = corpora["emoji-names"]
    train, test = (labelled_texts(emoji, split, "query", "category") for split in ("train", "test"))
    return classification_task(ABOUT, train, test)
