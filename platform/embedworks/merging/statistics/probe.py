"""The probe: a few pairs, evenly from several corpora, on which models are measured and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from embedworks.corpora.corpus import open_corpus
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import load_embedder
from embedworks.losses.contrastive import group_targets, score_matrix
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.transform import EPOCH, SAMPLE, Batch

# Shape legend: B anchors of a batch, C candidates, D width.


@dataclass(frozen=True)
class ProbeCorpus:
    """A corpus of pairs.

    Attributes:
        folder: Where it is.
        split: Which split.
        columns: The transform's column -> the corpus's column; same names are left out.
        limit: Choose among the first so many rows,
        skip: but not among these at their beginning.
    """

    folder: Path
    split: str = "train"
    columns: tuple[tuple[str, str], ...] = ()
    limit: int | None = None
    skip: int = 0


@dataclass(frozen=True)
class Probe:
    """Pairs to measure on.

    Attributes:
        corpora: Each gives as many samples as the others, whatever its size.
        samples: Of all corpora together.
        batch_size: Anchors at a time; each is ranked against the candidates of all of them.
        query_length: Tokens.
        positive_length: Tokens.
        hard_negatives: Drawn from the corpora's negatives.
        temperature: Of the contrastive loss.
        equal_norm: Scale the Fisher information of every model to one norm.
        seed: Of the choice of rows and negatives.
    """

    corpora: tuple[ProbeCorpus, ...]
    samples: int = 256
    batch_size: int = 8
    query_length: int = 32
    positive_length: int = 128
    hard_negatives: int = 0
    temperature: float = 0.05
    equal_norm: bool = False
    seed: int = 0

    @property
    def digest(self) -> str:
        """Names the samples and how they are read."""
        parts = [
            [(open_corpus(c.folder).digest, c.split, c.columns, c.limit, c.skip) for c in self.corpora],
            [value for name, value in vars(self).items() if name != "corpora"],
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def batches(self, embedder: Embedder) -> Iterator[Batch]:
        """Batches of one corpus each, on the embedder's device: negatives are of the anchor's own task.

        Raises:
            InputError: for a corpus without the columns, or with a single row.
        """
        transform = PairTransform(
            embedder.tokenizer,
            query_length=min(self.query_length, embedder.settings.max_length),
            positive_length=min(self.positive_length, embedder.settings.max_length),
            max_length=embedder.settings.max_length,
            hard_negatives=self.hard_negatives,
            seed=self.seed,
        )
        device = next(embedder.parameters()).device
        for number, corpus in enumerate(self.corpora):
            for rows in self._rows(number, corpus):
                batch = transform.collate(transform(_read(corpus, rows, transform)))
                yield {key: value.to(device) for key, value in batch.items()}

    def _rows(self, number: int, corpus: ProbeCorpus) -> list[np.ndarray]:
        """Which rows each batch has, in their order in the corpus; no batch has a lone row."""
        rows = open_corpus(corpus.folder).rows(corpus.split)
        rows = min(rows, corpus.limit or rows) - corpus.skip
        if rows < 2:
            raise InputError(f"the probe {corpus.folder} has {max(rows, 0)} rows", expected="2 or more")
        count = min(rows, max(2, self.samples // len(self.corpora)))
        chosen = np.random.default_rng([self.seed, number]).permutation(rows)[:count]
        return np.array_split(corpus.skip + chosen, max(1, count // self.batch_size))


def open_for_measuring(folder: Path) -> Embedder:
    """An embedder without dropout, on a GPU if there is one."""
    embedder = load_embedder(folder).eval()
    return embedder.to("cuda" if torch.cuda.is_available() else "cpu")


def anchor_losses(
    embedder: Embedder,
    batch: Batch,
    temperature: float,
    layers: int | None = None,
    dimensions: int | None = None,
) -> Tensor:
    """Each anchor's InfoNCE loss against all candidates of the batch: ``(B,)`` float32, with a graph.

    Args:
        embedder: Read after ``layers`` layers, at ``dimensions`` coordinates; None: all of them.
        batch: Of :meth:`Probe.batches`.
        temperature: Divides the cosines.
        layers: See ``embedder``.
        dimensions: See ``embedder``.
    """
    query_BD = embedder(batch["query_ids"], batch["query_mask"], layers, dimensions)
    candidate_CD = embedder(batch["candidate_ids"], batch["candidate_mask"], layers, dimensions)
    group = len(candidate_CD) // len(query_BD)
    scores_BC = score_matrix(query_BD, candidate_CD, "cosine", temperature)
    targets_B = group_targets(len(query_BD), group).to(scores_BC.device)
    return nn.functional.cross_entropy(scores_BC, targets_B, reduction="none")


@torch.no_grad()
def probe_loss(
    folder: Path, probe: Probe, layers: int | None = None, dimensions: int | None = None
) -> float:
    """Mean contrastive loss of an embedder on the probe; see :func:`anchor_losses`."""
    embedder = open_for_measuring(folder)
    losses = [
        anchor_losses(embedder, batch, probe.temperature, layers, dimensions)
        for batch in probe.batches(embedder)
    ]
    return float(torch.cat(losses).mean())


def _read(corpus: ProbeCorpus, rows: np.ndarray, transform: PairTransform) -> pa.Table:
    """Rows as the transform wants them, under its names."""
    source, renames = open_corpus(corpus.folder), dict(corpus.columns)
    wanted = list(transform.columns)
    for name in wanted:
        actual = renames.get(name, name)
        if actual not in source.columns:
            raise InputError(
                f"the probe has no column {actual!r}",
                where=str(corpus.folder),
                expected=f"one of {', '.join(source.columns)}",
                name=actual,
                known=source.columns,
            )
    wanted += [n for n in transform.optional_columns if renames.get(n, n) in source.columns]
    actual_names = [renames.get(name, name) for name in wanted]
    table = source.read(corpus.split, rows, list(dict.fromkeys(actual_names)))
    columns = {new: table[old] for new, old in zip(wanted, actual_names, strict=True)}
    numbers = {SAMPLE: pa.array(rows), EPOCH: pa.array(np.zeros(len(rows), np.int64))}
    return pa.table(columns | numbers)
