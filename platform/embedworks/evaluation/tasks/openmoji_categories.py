"""Tell which of Unicode's nine groups a held-out emoji belongs to, by the groups' names alone."""

from __future__ import annotations

from collections.abc import Mapping

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.image_tasks import ZeroShot, refuse_none

NAME = "openmoji-categories"
corpora = ("openmoji",)


def build(corpora: Mapping[str, Corpus]) -> ZeroShot:
    """The task from the test split of ``openmoji``."""
    rows = list(corpora["openmoji"].iter_rows("test", columns=["image", "category"]))
    refuse_none(NAME, rows)
    return ZeroShot(NAME, [row["image"] for row in rows], [row["category"] for row in rows])
