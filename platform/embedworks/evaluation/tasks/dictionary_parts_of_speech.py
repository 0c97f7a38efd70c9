"""Tell the part of speech of a headword by its definition; headwords that no training row has.

Definitions of a verb begin with "to" and those of a noun with an article, so that words tell much. What is
asked is whether vectors of meanings still hold the form of a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import column_task
from embedworks.evaluation.local import About

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClassification

NAME = "dictionary-parts-of-speech"
corpora = ("dictionary",)

MIN_TEST = 10  # definitions of a part of speech
MAX_TEST = 150

ABOUT = About(
    name=NAME,
    description=(
        "Definitions of an English dictionary, of headwords that no training row has, by part of speech; "
        f"those with {MIN_TEST} definitions or more, at most {MAX_TEST} of each, chosen by hash."
    ),
    kind="Classification",
    main_score="accuracy",
    domains=("Written",),
    license="gpl-3.0",
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskClassification:
    """The task from ``dictionary``: examples from its train split, scores on its test split."""
    dictionary = corpora["dictionary"]
    return column_task(ABOUT, dictionary, "definition", "part_of_speech", least=MIN_TEST, most=MAX_TEST)
