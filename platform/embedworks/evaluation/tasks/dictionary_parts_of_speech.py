"""Tell the part of speech by a definition, letter by letter; headwords that no training row has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import EXAMPLES, Labelled, classification_task, texts_of_classes
from embedworks.evaluation.local import About
from embedworks.evaluation.parted import parted_task

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClassification

NAME = "dictionary-parts-of-speech"
corpora = ("dictionary",)

LETTERS = 12  # the most frequent initials
CLASSES = ("adjective", "noun", "verb")
MAX_TEST = 40  # definitions of a class

ABOUT = About(
    name=NAME,
    description=(
        "Definitions of an English dictionary by the part of speech of their headword, that no training "
        f"row has: a data set for each of the {LETTERS} most frequent initials, "
        f"{', '.join(CLASSES)}, at most {MAX_TEST} of each, chosen by hash."
    ),
    kind="Classification",
    main_score="accuracy",
    domains=("Written",),
    license="gpl-3.0",
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskClassification:
    """The task from ``dictionary``: examples from its train split, scores on its test split."""
    test = _by_letter(corpora, "test", MAX_TEST)
    train = _by_letter(corpora, "train", 4 * EXAMPLES)
    counts = Counter({letter: len(rows) for letter, rows in test.items()})
    letters = sorted(sorted(counts, key=lambda letter: (-counts[letter], letter))[:LETTERS])
    return parted_task(
        ABOUT, {letter: classification_task(ABOUT, train[letter], test[letter]) for letter in letters}
    )


def _by_letter(corpora: Mapping[str, Corpus], split: str, most: int) -> dict[str, Labelled]:
    """Initial -> (definition, part of speech); initials that lack a class are left out."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    columns = ["headword", "definition", "part_of_speech"]
    for row in corpora["dictionary"].iter_rows(split, columns=columns):
        if row["part_of_speech"] in CLASSES and row["definition"]:
            found[row["headword"][0]][row["part_of_speech"]].append(row["definition"])
    whole = {letter: kinds for letter, kinds in found.items() if len(kinds) == len(CLASSES)}
    return {letter: texts_of_classes(kinds, most) for letter, kinds in whole.items()}
