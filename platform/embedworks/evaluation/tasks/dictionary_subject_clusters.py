"""Cluster definitions by the field of knowledge, letter by letter; headwords that no training row has.

The data sets are small, so that a single one tells little: what counts is all of them together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import Labelled, clustering_task, texts_of_classes
from embedworks.evaluation.local import About
from embedworks.evaluation.parted import parted_task

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClustering

NAME = "dictionary-subject-clusters"
corpora = ("dictionary",)

MIN_TEXTS = 3  # of a field
MAX_TEXTS = 15
MIN_FIELDS = 3

ABOUT = About(
    name=NAME,
    description=(
        "Definitions of an English dictionary, of headwords that no training row has, by the field of "
        "knowledge that the dictionary names: a data set for each initial that has "
        f"{MIN_FIELDS} fields of {MIN_TEXTS} definitions, at most {MAX_TEXTS} a field, chosen by hash."
    ),
    kind="Clustering",
    main_score="v_measure",
    domains=("Written",),
    license="gpl-3.0",
    subtypes=("Thematic clustering",),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskClustering:
    """The task from the test split of ``dictionary``."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in corpora["dictionary"].iter_rows("test", columns=["headword", "definition", "subject"]):
        if row["subject"] and row["definition"]:
            found[row["headword"][0]][row["subject"]].append(row["definition"])
    parts: dict[str, Labelled] = {
        letter: texts_of_classes(fields, MAX_TEXTS, MIN_TEXTS) for letter, fields in sorted(found.items())
    }
    return parted_task(
        ABOUT,
        {
            letter: clustering_task(ABOUT, rows)
            for letter, rows in parts.items()
            if len({field for _, field in rows}) >= MIN_FIELDS
        },
    )
