"""Tell what a held-out scene of one object shows, by the training scenes of one object most like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.image_tasks import Neighbours, refuse_none

NAME = "noisy-scenes-neighbours"
corpora = ("noisy-scenes",)


def build(corpora: Mapping[str, Corpus]) -> Neighbours:
    """The task from ``noisy-scenes``: labels are the scenes' own, whatever their texts say."""
    test, train = (_alone(corpora["noisy-scenes"], split) for split in ("test", "train"))
    refuse_none(NAME, test)
    images, labels = ([row[column] for row in test] for column in ("image", "label"))
    known, known_labels = ([row[column] for row in train] for column in ("image", "label"))
    return Neighbours(NAME, images, labels, known, known_labels)


def _alone(corpus: Corpus, split: str) -> list[dict[str, Any]]:
    columns = ["image", "label", "objects"]
    return [row for row in corpus.iter_rows(split, columns=columns) if row["objects"] == 1]
