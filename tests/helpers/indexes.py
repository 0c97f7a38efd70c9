"""A small index on disk, made without Ray: sixty short texts in six topics through a tiny embedder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.corpora.shards import write_corpus
from embedworks.embedder import Embedder
from embedworks.folder import weights_digest
from embedworks.vectors import ann, questions
from embedworks.vectors import map as maps
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.records import ID, KEY, KEY_BYTES, Size, VersionRecord, content_key, version_id
from helpers.tiny import tiny_embedder

LAYERS, WIDTH = 4, 32
FULL = (LAYERS, WIDTH)
SMALL = (2, 16)

# topic -> what it is about, and what can be said of each
TOPICS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "lists": (
        ("sort a list", "append to a list", "slice a list", "reverse a list", "copy a list"),
        ("changes the list in place and returns none", "makes a new list and leaves the old one"),
    ),
    "files": (
        ("open a file", "read a file", "write a file", "close a file", "delete a file"),
        ("raises an error if the file is not there", "takes a path and a mode, as r or w"),
    ),
    "numbers": (
        ("round a number", "divide a number", "parse a number", "compare a number", "print a number"),
        ("is exact for whole numbers only", "gives a float, which may be off by a little"),
    ),
    "birds": (
        ("the red bird", "the blue bird", "the old owl", "the young swan", "the green parrot"),
        ("sings in a tree by the river at dawn", "builds a nest of grass and feathers"),
    ),
    "rivers": (
        ("the long river", "the cold stream", "the wide delta", "the mountain lake", "the old canal"),
        ("carries stones down to the sea", "freezes in winter, and fish sleep under the ice"),
    ),
    "sky": (
        ("the sun", "the moon", "a bright comet", "the morning star", "a far planet"),
        ("rises in the east and is hidden by clouds", "is seen best on a night without a moon"),
    ),
}
COLUMNS = {
    "text": pa.string(),
    "title": pa.string(),
    "topic": pa.string(),
    "year": pa.int64(),
    "query": pa.string(),
}


def texts() -> list[dict[str, Any]]:
    """Rows of :data:`COLUMNS`, topics mixed; the last one has the text of the first."""
    rows = []
    for number, (which, (topic, (things, facts))) in enumerate(product(range(10), TOPICS.items())):
        thing, fact = things[which // 2], facts[which % 2]
        what = ("what happens with", "tell me about")[which % 2]
        rows.append(
            {
                "text": f"{thing} : it {fact} .".capitalize(),
                "title": f"{topic} {which}",
                "topic": topic,
                "year": 2000 + number % 25,
                "query": f"{what} {thing} ?",
            }
        )
    return [*rows, rows[0] | {"title": "lists again"}]


def small_corpus(folder: Path) -> Path:
    """The texts as a corpus with one split, ``train``."""
    schema = pa.schema(list(COLUMNS.items()))
    write_corpus(folder, {"train": texts()}, name="small", schema=schema, shard_rows=40, row_group_rows=16)
    return folder


@dataclass(frozen=True)
class SmallIndex:
    """An index of :func:`texts` and what it was made from.

    Attributes:
        path: The index's folder.
        corpus: The corpus's folder.
        models: A folder for each version, in order.
        layout: How vectors are stored: ``lance`` or ``parquet``.
    """

    path: Path
    corpus: Path
    models: list[Path]
    layout: str = "lance"

    @property
    def folder(self) -> IndexFolder:
        return IndexFolder.open(self.path)

    @property
    def record(self) -> VersionRecord:
        """The version that answers."""
        record = self.folder.current()
        assert record
        return record

    def add_version(self, *, switch: bool = True, **options: Any) -> VersionRecord:
        """Embed the texts with another model, and let that version answer.

        Args:
            switch: False leaves the version complete, but the pointer where it was.
            options: Of the new model's :func:`tiny_model`, or ``ann`` for those of ``ann.build``.
        """
        ann_options = options.pop("ann", {})
        number = len(self.models)
        options = {"seed": number, "pairs": (SMALL, FULL)} | options
        model = tiny_embedder(
            self.path.parent / f"{self.path.name}-model-{number}", LAYERS, WIDTH, **options
        )
        self.models.append(model)
        record = _write_version(self, model, ann_options)
        if switch:
            self.folder.switch(record.id)
        return record


def small_index(folder: Path, name: str = "docs", layout: str = "lance", **options: Any) -> SmallIndex:
    """An index ``folder/name`` with one version, sizes 4x32 and 2x16, a map and questions.

    Args:
        folder: Where the index, its corpus and its models are put.
        name: Of the index.
        layout: ``lance`` or ``parquet``.
        options: As :meth:`SmallIndex.add_version` takes them.
    """
    corpus = folder / f"{name}-corpus"
    index = SmallIndex(IndexFolder.create(folder / name).path, small_corpus(corpus), [], layout)
    index.add_version(**options)
    return index


def _write_version(index: SmallIndex, model: Path, ann_options: dict[str, Any]) -> VersionRecord:
    corpus, embedder = open_corpus(index.corpus), Embedder.load(model)
    number = len(index.models) - 1
    sizes = tuple(Size.of(*pair, full=FULL) for pair in (FULL, SMALL))
    record = VersionRecord(
        id=version_id(f"{number + 1:02x}" * 6, corpus.digest),
        model=str(model),
        asked=str(model),
        registry_version=None,
        folder=model,
        weights=weights_digest(model),
        sizes=sizes,
        similarity=embedder.settings.similarity,
        normalized=embedder.settings.normalize,
        corpus="small",
        corpus_digest=corpus.digest,
        split="train",
        column="text",
        keep=tuple(COLUMNS),
        group="topic",
        rows=corpus.rows("train"),
        created=time.time() + number,  # two in one tick would have no order
    )
    folder = index.folder.write(record)
    write_rows(folder, _rows(corpus, embedder, sizes), index.layout)
    maps.write(folder, record)
    questions.write(folder, record, corpus, "query", limit=12)
    found = ann.build(folder, record, **ann_options)
    record = record.model_copy(update={"complete": True, "ann": found})
    index.folder.write(record)
    return record


def _rows(corpus: Corpus, embedder: Embedder, sizes: tuple[Size, ...]) -> pa.Table:
    table = corpus.read("train", np.arange(corpus.rows("train")))
    keys = [content_key(text) for text in table["text"].to_pylist()]
    table = table.add_column(0, KEY, pa.array(keys, pa.binary(KEY_BYTES)))
    table = table.add_column(0, ID, pa.array(range(len(table)), pa.int64()))
    for size in sizes:
        vectors = embedder.encode(
            table["text"].to_pylist(), layers=size.layers, dimensions=size.dimensions
        ).numpy()
        table = table.append_column(size.column, as_column(vectors))
    return table


def as_column(vectors_ND: np.ndarray) -> pa.FixedSizeListArray:
    """Vectors as a column of fixed-size lists."""
    flat = pa.array(np.ascontiguousarray(vectors_ND, np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, vectors_ND.shape[1])


def write_rows(folder: Path, table: pa.Table, layout: str = "lance") -> None:
    """Write a version's rows: as fragments of a Lance dataset, or as two Parquet files."""
    half = len(table) // 2
    parts = [part.combine_chunks() for part in (table.slice(0, half), table.slice(half))]
    if layout == "parquet":
        (folder / "vectors").mkdir()
        for number, part in enumerate(parts):
            pq.write_table(part, folder / "vectors" / f"{number:05d}.parquet")
        return
    import lance

    uri = str(folder / "vectors.lance")
    fragments = [one for part in parts for one in lance.fragment.write_fragments(part, uri, table.schema)]
    lance.LanceDataset.commit(uri, lance.LanceOperation.Overwrite(table.schema, fragments))
