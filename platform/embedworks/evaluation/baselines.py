"""What every model has to beat: BM25, vectors without meaning, vectors of letters, vectors of words.

bm25      Okapi BM25, for retrieval tasks alone (Robertson and Zaragoza, 2009, equation 3.15)
random    a fixed random vector for each text: what chance gives
letters   counts of 3- to 5-letter pieces, hashed (as fastText has subwords: Bojanowski et al., 2017)
static    the mean of a transformer's input word embeddings, its layers left out
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from embedworks.embedder import EmbedderSettings
from embedworks.evaluation.encoder import Subject, Vectors
from embedworks.evaluation.subjects import FunctionEncoder
from embedworks.folder import load_embedder, weights_digest

DIMENSIONS = 384  # of random vectors: as many as all-MiniLM-L6-v2 has
BUCKETS = 4096  # of hashed pieces
PIECES = (3, 4, 5)  # letters
VERSION = "1"  # changes when the vectors of a text do

# Shape legend: N texts, D dimensions, V tokens of the vocabulary.


def random_baseline() -> Subject:
    """A random direction for each text, the same in every process."""
    return _subject("random", lambda texts, prompt: _random([prompt + text for text in texts]), DIMENSIONS)


def letters_baseline() -> Subject:
    """Counts of pieces of letters, folded and damped, so that texts that look alike are near."""
    return _subject("letters", lambda texts, prompt: _letters([prompt + text for text in texts]), BUCKETS)


def static_baseline(folder: Path) -> Subject:
    """The mean input embedding of a text's tokens, special ones left out.

    Args:
        folder: Of an embedder; its layers, positions and normalisation are not run.

    Raises:
        InputError: for a folder that is none.
    """
    embedder = load_embedder(folder)
    table_VD = embedder.encoder.get_input_embeddings().weight.detach().float().numpy()  # type: ignore[operator]
    tokenizer = embedder.tokenizer

    def encode(texts: list[str], prompt: str) -> Vectors:
        whole = [prompt + text for text in texts]
        limit = embedder.settings.max_length
        rows = tokenizer(whole, add_special_tokens=False, truncation=True, max_length=limit)["input_ids"]
        means = [table_VD[row].mean(axis=0) if row else np.zeros(table_VD.shape[1]) for row in rows]
        return np.stack(means).astype(np.float32)

    name = f"static-{folder.resolve().name}"
    return _subject(name, encode, table_VD.shape[1], weights_digest(folder)[:12])


def _random(texts: Sequence[str]) -> Vectors:
    def seeded(text: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        return torch.randn(DIMENSIONS, generator=torch.Generator().manual_seed(seed % 2**63)).numpy()

    return np.stack([seeded(text) for text in texts])


def _letters(texts: Sequence[str]) -> Vectors:
    vectors_ND = np.zeros((len(texts), BUCKETS), np.float32)
    for row, text in enumerate(texts):
        padded = f" {' '.join(text.casefold().split())} "
        counts = Counter(padded[i : i + size] for size in PIECES for i in range(len(padded) - size + 1))
        for piece, count in counts.items():
            hashed = zlib.crc32(piece.encode())
            # The sign makes collisions cancel on average (Weinberger et al., 2009, section 2).
            vectors_ND[row, hashed % BUCKETS] += np.log1p(count) * (1 if hashed >> 31 else -1)
    return vectors_ND


def _subject(name: str, function: object, dimensions: int, revision: str = VERSION) -> Subject:
    return Subject(
        engine=FunctionEncoder(function, name),  # type: ignore[arg-type]
        settings=EmbedderSettings(),
        name=name,
        revision=revision,
        full_pair=(0, dimensions),
        maker="baseline",
    )
