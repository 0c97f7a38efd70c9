"""Tell which of Unicode's nine groups a held-out emoji belongs to, by the pictures most like it."""

from __future__ import annotations

from collections.abc import Mapping

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.image_tasks import Neighbours, refuse_none

NAME = "openmoji-neighbours"
corpora = ("openmoji",)


def build(corpora: Mapping[str, Corpus]) -> Neighbours:
    """The task: test pictures against those of the train split of ``openmoji``."""
    columns = ["image", "category"]
    test, train = (
        list(corpora["openmoji"].iter_rows(split, columns=columns)) for split in ("test", "train")
    )
    refuse_none(NAME, test)
    return Neighbours(
        NAME,
        [row["image"] for row in test],
        [row["category"] for row in test],
        [row["image"] for row in train],
        [row["category"] for row in train],
    )
