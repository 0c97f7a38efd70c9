"""Tell the field of knowledge that a definition belongs to: botany, law, nautical, ...

Headwords that no training row has; a classifier sees eight definitions of each field. So few examples
separate fields only where a model already holds their words together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import EXAMPLES, classification_task, texts_of_classes
from embedworks.evaluation.local import About

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClassification

NAME = "dictionary-subjects"
corpora = ("dictionary",)

MIN_TEST = 10  # definitions of a field
MAX_TEST = 40
MAX_TRAIN = 4 * EXAMPLES

ABOUT = About(
    name=NAME,
    description=(
        "Definitions of an English dictionary, of headwords that no training row has, by the field of "
        f"knowledge that the dictionary names; fields of {MIN_TEST} definitions or more, at most "
        f"{MAX_TEST} a field, chosen by hash."
    ),
    kind="Classification",
    main_score="accuracy",
    domains=("Written",),
    license="gpl-3.0",
    subtypes=("Topic classification",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskClassification:
    """The task from ``dictionary``: examples from its train split, scores on its test split."""
    test = {name: found for name, found in _fields(corpora, "test").items() if len(found) >= MIN_TEST}
    train = {name: found for name, found in _fields(corpora, "train").items() if name in test}
    return classification_task(ABOUT, texts_of_classes(train, MAX_TRAIN), texts_of_classes(test, MAX_TEST))


def _fields(corpora: Mapping[str, Corpus], split: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = defaultdict(list)
    for row in corpora["dictionary"].iter_rows(split, columns=["definition", "subject"]):
        if row["subject"]:
            fields[row["subject"]].append(row["definition"])
    return fields
