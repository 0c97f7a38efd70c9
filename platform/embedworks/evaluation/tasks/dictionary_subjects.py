"""Tell the field of knowledge that a definition belongs to: botany, law, nautical, ...

Headwords that no training row has; a classifier sees eight definitions of each field. So few examples
separate fields only where a model already holds their words together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import column_task
from embedworks.evaluation.local import About

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClassification

NAME = "dictionary-subjects"
corpora = ("dictionary",)

MIN_TEST = 10  # definitions of a field
MAX_TEST = 40

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
    dictionary = corpora["dictionary"]
    return column_task(ABOUT, dictionary, "definition", "subject", least=MIN_TEST, most=MAX_TEST)
