"""Rows a second of the two dearest quality filters, on Ray Data against this process alone.

    python benchmarks/quality.py [--json] [--rows N] [--workers N]

The corpus is synthetic: 50 to 150 words a row by a Zipf law; a tenth of the rows repeats an earlier one but
for one word, and a hundredth holds 15 words of one of ROWS / 10 test texts of 60 words.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from _harness import Runs, report, show

from embedworks.corpora.quality.curate import curate
from embedworks.corpora.shards import write_corpus


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    ray.init(
        address="local", num_cpus=max(4, options.workers), include_dashboard=False, log_to_driver=False
    )
    runs, ratios = [], {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build(root / "corpus", options.rows)
        against = [{"source": str(root / "corpus")}]
        for block in (
            {"name": "near-duplicates", "columns": ["text"]},
            {"name": "decontaminate", "columns": ["text"], "against": against},
        ):
            alone, ray_data = measure(root, block, options.rows, options.workers)
            runs += [alone, ray_data]
            ratios[f"{block['name']}, Ray Data to this process"] = ray_data.median / alone.median
    versions = {name: version(name) for name in ("ray", "pyarrow", "numpy")}
    show(report("quality", runs, ratios, {}, versions), options.json)


def measure(root: Path, block: dict[str, Any], rows: int, workers: int) -> tuple[Runs, Runs]:
    """One run in this process and one on Ray Data, which must remove the same rows."""
    runs, digests = [], set()
    for count in (0, workers):
        started = time.perf_counter()
        done = curate(root / "corpus", root / f"{block['name']}-{count}", [block], workers=count)
        rate = rows / (time.perf_counter() - started)
        digests.add(done.digest)
        where = f"{count} workers" if count else "this process"
        runs.append(Runs(where, block["name"], "rows/s", [rate], extra={"removed": done.counts[0].removed}))
    if len(digests) > 1:
        raise RuntimeError("the result depends on the number of workers")
    return runs[0], runs[1]


def build(folder: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    test = [sentence(rng, 60) for _ in range(rows // 10)]
    splits = {"train": train_rows(rng, rows, test), "test": ({"text": text} for text in test)}
    write_corpus(folder, splits, name="synthetic", schema=pa.schema([("text", pa.string())]))


def train_rows(rng: np.random.Generator, rows: int, test: list[str]) -> Iterator[dict[str, str]]:
    words: list[str] = []
    for row in range(rows):
        if row % 10 == 9:
            words = [*words[:3], "changed", *words[4:]]
        else:
            words = sentence(rng, int(rng.integers(50, 150))).split()
        if row % 100 == 50:
            words[20:20] = test[row // 10 % len(test)].split()[:15]
        yield {"text": " ".join(words)}


def sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(f"w{word}" for word in rng.zipf(1.3, size=words) % 30_000)


if __name__ == "__main__":
    main()
