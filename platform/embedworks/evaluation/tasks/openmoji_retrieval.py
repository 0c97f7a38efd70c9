"""Find the name of a held-out emoji's picture among all of them, and its picture by its name."""

from __future__ import annotations

from collections.abc import Mapping

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.image_tasks import PairRetrieval, refuse_none

NAME = "openmoji-retrieval"
corpora = ("openmoji",)


def build(corpora: Mapping[str, Corpus]) -> PairRetrieval:
    """The task from the test split of ``openmoji``, no base emoji of which is in train."""
    rows = list(corpora["openmoji"].iter_rows("test", columns=["image", "text"]))
    refuse_none(NAME, rows)
    return PairRetrieval(NAME, [row["image"] for row in rows], [row["text"] for row in rows])
