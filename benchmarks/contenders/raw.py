"""The limit of text: the tokenizers library on the corpus's texts, on both cores, and nothing else."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pyarrow.parquet as pq
from _contender import LENGTHS, Task, load_encoder, parse, versions

CHUNK = 4096  # texts a call


def main(task: Task) -> None:
    """Encode the first rows of the corpus; reading them and padding are not timed."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    rows = task.batches * task.batch_size
    table = pq.read_table(sorted(task.data.glob("train-*.parquet"))).slice(0, rows)
    tokens, seconds = 0, 0.0
    for name, length in LENGTHS.items():
        encoder, texts = load_encoder(task.tokenizer, length), table[name].to_pylist()
        encoder.encode_batch_fast(texts[:CHUNK])
        for first in range(0, len(texts), CHUNK):
            taken, encodings = encode(encoder, texts[first : first + CHUNK])
            seconds += taken
            tokens += sum(map(len, encodings))
    result = {"contender": "raw", "seconds": seconds, "rows": len(table), "tokens": tokens}
    print(json.dumps(result | {"versions": versions(("tokenizers",))}))


def encode(encoder: Any, texts: list[str]) -> tuple[float, list[Any]]:
    """Seconds of one call, and its encodings."""
    begun = time.perf_counter()
    encodings = encoder.encode_batch_fast(texts)
    return time.perf_counter() - begun, encodings


if __name__ == "__main__":
    main(parse())
