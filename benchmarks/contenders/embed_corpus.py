"""Ours, the whole way: what ``embedworks embed`` does, corpus by corpus, on a node of its own.

``table_s`` is from the first unit's begin to the table that all are committed to; ``index_s`` is what
follows (search index, map), ``start_s`` what comes before: a pool of replicas that open the model.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

import lance
import numpy as np
import ray
from _watch import Watch

from embedworks.cli.ray_session import connect
from embedworks.corpora.corpus import open_corpus
from embedworks.indexing.embed import embed_corpus
from embedworks.indexing.options import FoundModel, IndexOptions
from embedworks.indexing.pool import embed_here, embed_on_ray
from embedworks.indexing.run import Progress
from embedworks.vectors.index_folder import IndexFolder

UNITS = 8  # of a corpus that is smaller than what is usual, so that both workers have some


def main() -> None:
    """Embed every corpus and print the line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True, help="embedder folder")
    parser.add_argument("--corpora", type=Path, nargs="+", required=True, help="folders, column text")
    parser.add_argument("--out", type=Path, required=True, help="folder for the indexes")
    parser.add_argument("--vectors", type=Path, help=".npz that receives what comes out")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--limit", type=int, help="rows of a corpus")
    parser.add_argument("--memory", action="store_true", help="watch the memory of all processes")
    parser.add_argument("--here", action="store_true", help="in this process alone, without Ray")
    given = parser.parse_args()
    if not given.here:
        connect("local")
    found = {folder.name: measure(folder, given) for folder in given.corpora}
    if given.vectors:
        np.savez(given.vectors, **{name: vectors(given.out / name) for name in found})
    versions = {name: version(name) for name in ("torch", "ray", "pylance", "numpy")}
    print(json.dumps({"loads": found, "versions": versions}), flush=True)
    ray.shutdown()


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One corpus to an index: seconds of its stages, and the most memory that each took."""
    out, corpus = given.out / folder.name, open_corpus(folder)
    shutil.rmtree(out, ignore_errors=True)
    options = IndexOptions(precision=given.precision, limit=given.limit)
    rows = min(corpus.rows("train"), given.limit or corpus.rows("train"))
    few = {"max_rows": -(-rows // UNITS)} if rows < UNITS * 512 else {}
    ends: dict[str, float] = {}
    peaks: dict[str, int] = {}
    begun = time.time()
    with Watch(os.getpid(), given.memory) as watch:

        def listen(progress: Progress) -> None:
            if progress.stage not in ends:
                ends[progress.stage] = time.time()
                watch.sample()  # a small corpus is over between two looks
                peaks[progress.stage] = watch.peak_bytes

        model = FoundModel.of_folder(given.model)
        embed = embed_here if given.here else embed_on_ray
        done = embed_corpus(model, corpus, out, options, embed=embed, listen=listen, **few)
    closed = time.time()
    first = first_unit(IndexFolder(out).folder(done.version))
    return {
        "rows": done.rows,
        "tokens": done.tokens,
        "start_s": first - begun,
        "table_s": ends["index"] - first,
        "index_s": closed - ends["index"],
        "seconds": closed - begun,
        "table_mb": peaks["index"] / 2**20,
        "peak_mb": watch.peak_bytes / 2**20,
        "kind": done.kind,
        "recall": done.recall,
    }


def first_unit(version_folder: Path) -> float:
    """When the first unit was begun."""
    files = (version_folder / "units").glob("*.json")
    return min(file.stat().st_mtime - json.loads(file.read_text())["seconds"] for file in files)


def vectors(index: Path) -> np.ndarray:
    """``(N, d)`` of the version that answers, in the corpus's order."""
    folder = IndexFolder.open(index)
    version_record = folder.current()
    assert version_record is not None
    table = lance.dataset(str(folder.folder(version_record.id) / "vectors.lance"))
    column = table.to_table(columns=["id", "vector"]).sort_by("id")["vector"].combine_chunks()
    return column.flatten().to_numpy().reshape(len(column), -1)


if __name__ == "__main__":
    main()
