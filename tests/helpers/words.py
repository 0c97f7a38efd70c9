"""A small objective of two parts whose gradients can be checked by hand, and rows for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from embedworks.losses.contrastive import in_batch_loss
from embedworks.losses.temperature import Temperature
from embedworks.objective import ChunkedObjective, Losses, ObjectiveConfig, Start, Vectors
from embedworks.transforms.transform import Batch, Transform

WORDS, WIDTH, GROUP, LENGTH, SAMPLES = 40, 8, 2, 5, 22

# Shape legend: B samples, G = B * GROUP candidates, L words of a text.


class WordTransform(Transform):
    """Rows that hold their words already."""

    def __call__(self, rows: pa.Table) -> pa.Table:
        return rows

    def collate(self, rows: pa.Table) -> Batch:
        batch: Batch = {}
        for side in ("query", "candidate"):
            words = np.array(rows[f"{side}_ids"].to_pylist(), dtype=np.int64)
            batch[f"{side}_ids"] = torch.from_numpy(words).reshape(-1, LENGTH)
        return batch


class Words(ChunkedObjective):
    """Mean word vectors through a layer with dropout, ranked at a temperature that is trained."""

    def __init__(self, dropout: float) -> None:
        super().__init__(ObjectiveConfig(), Start())
        torch.manual_seed(1)
        self.table = nn.Embedding(WORDS, WIDTH)
        self.layers = nn.Sequential(nn.Linear(WIDTH, 16), nn.GELU(), nn.Dropout(dropout), nn.Linear(16, 6))
        self.temperature = Temperature(0.3)

    @classmethod
    def transform(cls, config: Any, start: Start) -> Transform:
        return WordTransform()

    def represent(self, batch: Batch) -> Vectors:
        return {
            side: self.layers(self.table(batch[f"{side}_ids"]).mean(1)) for side in ("query", "candidate")
        }

    def compare(self, vectors: Vectors, batch: Batch) -> Losses:
        ranking = in_batch_loss(
            vectors["query"], vectors["candidate"], temperature=self.temperature(), two_way=True
        )
        return {"loss": ranking.loss, "queries": torch.tensor(float(len(batch["query_ids"])))}

    def embedder(self) -> Any:
        raise NotImplementedError


def word_rows(seed: int = 5) -> pa.Table:
    """As many rows as a batch has, of random words."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "query_ids": rng.integers(WORDS, size=(SAMPLES, LENGTH)).tolist(),
            "candidate_ids": rng.integers(WORDS, size=(SAMPLES, GROUP * LENGTH)).tolist(),
        }
    )
