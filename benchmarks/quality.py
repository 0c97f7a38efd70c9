"""Rows a second of the two dearest quality filters, in this process and on Ray Data.

    python benchmarks/quality.py [ROWS] [WORKERS]

The corpus is synthetic: 50 to 150 words a row by a Zipf law; a tenth of the rows repeats an earlier one but
for one word, and a hundredth holds 15 words of one of ROWS / 10 test texts of 60 words.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import ray

from embedworks.corpora.quality.curate import curate
from embedworks.corpora.shards import write_corpus


def main(rows: int = 100_000, workers: int = 2) -> None:
    ray.init(address="local", num_cpus=max(4, workers), include_dashboard=False, log_to_driver=False)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build(root / "corpus", rows)
        against = [{"source": str(root / "corpus")}]
        for block in (
            {"name": "near-duplicates", "columns": ["text"]},
            {"name": "decontaminate", "columns": ["text"], "against": against},
        ):
            rates, digests = {}, set()
            for count in (0, 1, workers):
                started = time.perf_counter()
                done = curate(root / "corpus", root / f"{block['name']}-{count}", [block], workers=count)
                rates[f"{count} workers"] = round(rows / (time.perf_counter() - started))
                digests.add(done.digest)
            assert len(digests) == 1, "the result depends on the number of workers"
            results[block["name"]] = {"rows_per_s": rates, "removed": done.counts[0].removed}
    print(json.dumps({"rows": rows, **results}))


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
    main(*map(int, sys.argv[1:]))
