"""Tell the part of speech of a headword by its definition; headwords that no training row has.

Definitions of a verb begin with "to" and those of a noun with an article, so that words tell much. What is
asked is whether vectors of meanings still hold the form of a text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import EXAMPLES, classification_task
from embedworks.evaluation.local import About, first_texts

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClassification

NAME = "dictionary-parts-of-speech"
corpora = ("dictionary",)

MIN_TEST = 10  # definitions of a part of speech
MAX_TEST = 150
MAX_TRAIN = 4 * EXAMPLES

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
    test = {name: found for name, found in _parts(corpora, "test").items() if len(found) >= MIN_TEST}
    train = {name: found for name, found in _parts(corpora, "train").items() if name in test}
    return classification_task(ABOUT, _labelled(train, MAX_TRAIN), _labelled(test, MAX_TEST))


def _parts(corpora: Mapping[str, Corpus], split: str) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = defaultdict(list)
    for row in corpora["dictionary"].iter_rows(split, columns=["definition", "part_of_speech"]):
        if row["part_of_speech"]:
            parts[row["part_of_speech"]].append(row["definition"])
    return parts


def _labelled(parts: Mapping[str, list[str]], limit: int) -> list[tuple[str, str]]:
    return [(text, name) for name in sorted(parts) for text in first_texts(parts[name], limit)]
