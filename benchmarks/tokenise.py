"""Transforms against their limit: ``Tokenizer.encode_batch_fast`` on the same texts and threads.

    RAYON_NUM_THREADS=1 python benchmarks/tokenise.py

A ratio is the tokens a second of transform and collate together over those of the bare call, which
makes neither arrays nor masks. Both run on every batch in turn, and of each batch the best of several
rounds counts, so that what else the machine does falls on both alike. ``passages`` are python-docs'
texts as they are, ``documents`` the same texts joined to fill the model's 256 tokens, as in
pre-training. ``load`` is what a fresh process spends on unpickling a transform and its first text.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.folder import load_tokenizer, resolve_model
from embedworks.transforms.masking import NestedMaskTransform
from embedworks.transforms.packing import PackedTransform
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.replaced_tokens import MaskAllChosen
from embedworks.transforms.transform import EPOCH, SAMPLE, Transform

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
BATCH, LENGTH = 64, 256
TARGET = 0.93
PACKAGES = ("tokenizers", "transformers", "numpy", "pyarrow", "torch")

Bare = Callable[[pa.Table], int]

LOAD = """
import pickle, sys, time
import pyarrow as pa
started = time.perf_counter()
transform = pickle.loads(bytes.fromhex(sys.argv[1]))
texts = {"query": ["a"], "positive": ["b"]}
transform(pa.table({**texts, "__epoch__": [0], "__sample__": [0]}))
print(time.perf_counter() - started)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--json", action="store_true", help="accepted for `embedworks bench`: JSON it always is"
    )
    parser.add_argument("--rounds", type=int, default=12)
    rounds = parser.parse_args().rounds
    tokenizer = load_tokenizer(resolve_model(MODEL))
    measurements = []
    for name, (transform, bare, batches) in cases(tokenizer).items():
        measurements.append({"name": name, **measure(transform, bare, batches, rounds)})
    pair = PairTransform(tokenizer, query_length=LENGTH, positive_length=LENGTH, max_length=LENGTH)
    ratios = {m["name"]: m["tokens_per_s"] / m["bare_tokens_per_s"] for m in measurements}
    print(json.dumps({
        "name": "tokenise",
        "date": date.today().isoformat(),
        "machine": {"cpu": cpu(), "cores": os.cpu_count(), "threads": os.environ.get("RAYON_NUM_THREADS")},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "measurements": [*measurements, {"name": "load", "seconds": load_seconds(pair)}],
        "ratios": ratios,
        "targets": dict.fromkeys(ratios, TARGET),
    }, indent=2))  # fmt: skip


def cases(tokenizer: Any) -> dict[str, tuple[Transform, Bare, list[pa.Table]]]:
    """Name -> transform, the bare call on what it reads, and the batches."""
    with tempfile.TemporaryDirectory() as folder:
        rows = list(open_corpus(ensure_corpus("python-docs", Path(folder))).iter_rows("train"))
    queries, texts = ([row[side] for row in rows] for side in ("query", "positive"))
    passages, documents = list(tables(queries, texts)), list(tables(*[filled(tokenizer, texts)] * 2))
    masked = MaskAllChosen(tokenizer, max_length=LENGTH)
    nested = NestedMaskTransform(tokenizer, length=LENGTH, max_length=LENGTH)
    packed = PackedTransform(masked, {"input_ids": 0, "labels": 0}, row_length=LENGTH)
    found: dict[str, tuple[Transform, Bare, list[pa.Table]]] = {}
    for query_length, length in ((40, 96), (LENGTH, LENGTH)):
        sides = {"query": query_length, "positive": length}
        lengths = {f"{side}_length": most for side, most in sides.items()}
        transform = PairTransform(tokenizer, **lengths, max_length=LENGTH)
        found[f"pairs of {query_length} and {length} tokens"] = (
            transform,
            bare_call(tokenizer, sides),
            passages,
        )
    bare = bare_call(tokenizer, {"text": LENGTH})
    for name, transform in {"masked": masked, "nested masks": nested, "masked and packed": packed}.items():
        found[f"{name}, passages"] = (transform, bare, passages)
        found[f"{name}, documents"] = (transform, bare, documents)
    return found


def bare_call(tokenizer: Any, columns: dict[str, int]) -> Bare:
    """The backend alone, with truncation; it returns the number of tokens."""
    backends = {}
    for column, length in columns.items():
        backends[column] = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        backends[column].no_padding()
        backends[column].enable_truncation(length)

    def call(rows: pa.Table) -> int:
        tokens = 0
        for column, backend in backends.items():
            tokens += sum(map(len, backend.encode_batch_fast(rows[column].to_pylist())))
        return tokens

    return call


def tables(queries: list[str], texts: list[str]) -> Iterator[pa.Table]:
    for first in range(0, len(texts) - BATCH + 1, BATCH):
        here, keys = slice(first, first + BATCH), list(range(first, first + BATCH))
        columns = {"query": queries[here], "positive": texts[here], "text": texts[here]}
        yield pa.table({**columns, EPOCH: [0] * BATCH, SAMPLE: keys})


def filled(tokenizer: Any, texts: list[str]) -> list[str]:
    """Neighbouring texts joined until they have the length of the model."""
    documents, room = [], 0
    for text in texts:
        length = len(tokenizer(text)["input_ids"])
        if room < length:
            documents.append("")
            room = LENGTH
        documents[-1] += text + "\n"
        room -= length
    return documents


def measure(transform: Transform, bare: Bare, batches: list[pa.Table], rounds: int) -> dict[str, float]:
    best = np.full((2, len(batches)), np.inf)
    tokens = sum(map(bare, batches))
    calls: list[Callable[[pa.Table], Any]] = [bare, lambda rows: transform.collate(transform(rows))]
    for number in range(rounds):
        for index, rows in enumerate(batches):
            for side in (0, 1) if number % 2 else (1, 0):
                started = time.perf_counter()
                calls[side](rows)
                best[side, index] = min(best[side, index], time.perf_counter() - started)
    limit, ours = (tokens / best.sum(1)).tolist()
    return {
        "tokens_per_s": ours,
        "bare_tokens_per_s": limit,
        "tokens_a_text": tokens / len(batches) / BATCH,
    }


def load_seconds(transform: Transform) -> float:
    command = [sys.executable, "-c", LOAD, pickle.dumps(transform).hex()]
    return min(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(3))


def cpu() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
