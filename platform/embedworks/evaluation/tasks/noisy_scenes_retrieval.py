"""Find the true caption of each held-out scene among all of them, and the scene of each caption."""

from __future__ import annotations

from collections.abc import Mapping

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.image_tasks import PairRetrieval, refuse_none

NAME = "noisy-scenes-retrieval"
corpora = ("noisy-scenes",)


def build(corpora: Mapping[str, Corpus]) -> PairRetrieval:
    """The task from the test split of ``noisy-scenes``, which has no noise."""
    rows = list(corpora["noisy-scenes"].iter_rows("test", columns=["image", "caption"]))
    refuse_none(NAME, rows)
    return PairRetrieval(NAME, [row["image"] for row in rows], [row["caption"] for row in rows])
