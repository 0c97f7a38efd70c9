"""The door of indexing: a whole corpus through an embedder, on a pool of actors, to Parquet."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.dual import DualEmbedder
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import has_image_tower
from embedworks.inference.engine import Engine
from embedworks.inference.images import ImageEngine

VECTOR = "vector"


@dataclass(frozen=True)
class Embedded:
    """What embedding a corpus gave.

    Attributes:
        vectors: Folder of parquet files: the kept columns and ``vector``.
        rows: Rows embedded.
        seconds: Wall time.
    """

    vectors: Path
    rows: int
    seconds: float


class RowEmbedder:
    """Embeds row numbers of a corpus; one replica of the model, loaded once."""

    def __init__(self, model: Path, corpus: Path, split: str, column: str, **reading: Any) -> None:
        self.corpus = open_corpus(corpus)
        if holds_images(self.corpus, column):
            reading.pop("layers")
            self.engine: Engine | ImageEngine = ImageEngine(DualEmbedder.load(model))
        else:
            self.engine = Engine(Embedder.load(model))
        self.split, self.column = split, column
        self.keep = reading.pop("keep")
        self.reading = reading

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Rows by number -> the kept columns and a fixed-size list of float32."""
        wanted = list(dict.fromkeys([*self.keep, self.column]))
        rows = self.corpus.read(self.split, batch["id"].to_numpy(), wanted)
        vectors_ND = self.engine.encode(rows[self.column].to_pylist(), **self.reading)
        flat = pa.array(vectors_ND.reshape(-1), pa.float32())
        column = pa.FixedSizeListArray.from_arrays(flat, vectors_ND.shape[1])
        return rows.select(list(self.keep)).append_column(VECTOR, column)


def embed_corpus(
    model: Path,
    corpus: Path,
    split: str,
    column: str,
    out: Path,
    *,
    workers: int = 1,
    batch_rows: int = 256,
    layers: int | None = None,
    dimensions: int | None = None,
    keep: Sequence[str] = (),
    limit: int | None = None,
) -> Embedded:
    """Embed one column of a split, texts or images; ``out`` appears when it is complete, in corpus order.

    Raises:
        InputError: for an unknown column or split, a size that the embedder does not have, or images
            where it embeds texts alone.
    """
    import ray.data

    opened = open_corpus(corpus)
    rows = min(opened.rows(split), limit or opened.rows(split))
    for name in (column, *keep):
        if name not in opened.columns:
            raise InputError(f"{corpus} has no column {name!r}", name=name, known=opened.columns)
    if holds_images(opened, column):
        _check_images(model, column, layers)
    started = time.monotonic()
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    reading = {"keep": tuple(keep) or (column,), "layers": layers, "dimensions": dimensions}
    numbers = ray.data.range(rows, override_num_blocks=max(1, -(-rows // batch_rows)))
    vectors = numbers.map_batches(
        RowEmbedder,
        fn_constructor_args=(model, corpus, split, column),
        fn_constructor_kwargs=reading,
        batch_size=batch_rows,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
    )
    vectors.write_parquet(str(partial))
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    return Embedded(out, rows, time.monotonic() - started)


def holds_images(corpus: Corpus, column: str) -> bool:
    """Whether a column has the bytes of files, which are those of images."""
    return corpus.manifest.columns[column] in ("binary", "large_binary")


def _check_images(model: Path, column: str, layers: int | None) -> None:
    if not has_image_tower(model):
        raise InputError(
            f"column {column!r} holds images, and {model} embeds texts alone",
            expected="an embedder with an image tower",
        )
    if layers is not None:
        raise InputError(f"layers={layers} is not possible for images", expected="layers: null")


def load_vectors(out: Path) -> tuple[np.ndarray, pa.Table]:
    """``(N, d)`` vectors and the kept columns of an embedded corpus.

    Raises:
        InputError: if there is none.
    """
    if not out.is_dir():
        raise InputError(f"no vectors at {out}", expected="the `vectors` folder of an embed stage")
    table = pq.read_table(out).combine_chunks()
    column = table[VECTOR].chunk(0)
    vectors_ND = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    return vectors_ND, table.drop_columns([VECTOR])


def nearest(vectors_ND: np.ndarray, query_D: np.ndarray, k: int) -> list[tuple[int, float]]:
    """(row, inner product) of the ``k`` rows nearest to the query, best first."""
    scores_N = vectors_ND @ query_D
    best = np.argsort(-scores_N, kind="stable")[:k]
    return [(int(i), float(scores_N[i])) for i in best]
