"""Ours: an approximate index over a corpus's vectors, and its recall against searching all of them."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from embedworks.corpora.corpus import open_corpus
from embedworks.embedder import Embedder
from embedworks.indexing.embed import embed_corpus
from embedworks.indexing.options import FoundModel, IndexOptions
from embedworks.inference.engine import Engine
from embedworks.vectors import ann
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.table import Table

LIMIT = 10


def main() -> None:
    """Embed, index, search with and without the index."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True, help="embedder folder")
    parser.add_argument("--corpus", type=Path, required=True, help="corpus folder with splits train, test")
    parser.add_argument("--out", type=Path, required=True, help="folder for the index")
    given = parser.parse_args()
    model = FoundModel.of_folder(given.model)
    done = embed_corpus(model, given.corpus, given.out, IndexOptions(precision="auto"))
    folder = IndexFolder.open(given.out)
    record = folder.version(done.version)
    begun = time.perf_counter()
    # A corpus of this size is searched exactly; here it is to be indexed as a larger one is.
    built = ann.build(folder.folder(record.id), record, exact_rows=0)
    seconds = time.perf_counter() - begun
    folder.write(record.model_copy(update={"ann": built}))
    queries = [row["text"] for row in open_corpus(given.corpus).iter_rows("test")]
    queries_QD = Engine(Embedder.load(given.model)).encode(queries)
    table = Table.open(given.out)
    searched = {exact: timed(table, queries_QD, exact) for exact in (True, False)}
    kind = built["vector"]
    result = {
        "rows": done.rows,
        "queries": len(queries),
        "kind": kind.kind,
        "recorded": kind.recall,
        "recall": recall(searched[True][1], searched[False][1]),
        "build_s": seconds,
        "exact_ms": 1000 * searched[True][0] / len(queries),
        "index_ms": 1000 * searched[False][0] / len(queries),
    }
    print(json.dumps(result), flush=True)


def timed(table: Table, queries_QD: np.ndarray, exact: bool) -> tuple[float, list[np.ndarray]]:
    """Seconds and ids of searching one query after the other, warm."""
    table.search(queries_QD[:1], LIMIT, exact=exact)
    begun = time.perf_counter()
    ids = [table.search(query_1D[None], LIMIT, exact=exact).ids[0] for query_1D in queries_QD]
    return time.perf_counter() - begun, ids


def recall(true: list[np.ndarray], found: list[np.ndarray]) -> float:
    """Mean share of the true neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(true, found, strict=True)]))


if __name__ == "__main__":
    main()
