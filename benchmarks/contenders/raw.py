"""The limit of text: the tokenizers library on all texts, on both cores, and nothing else."""

from __future__ import annotations

import json
import os
import time

import pyarrow.parquet as pq
from _contender import LENGTHS, Task, load_encoder, parse, versions

CHUNK = 4096  # texts a call; larger and smaller ones are slower


def main(task: Task) -> None:
    """Encode the first rows of the corpus; reading and padding are not timed."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    rows = task.batches * task.batch_size
    table = pq.read_table(sorted(task.data.glob("train-*.parquet")))
    columns = {name: table[name].slice(0, rows).to_pylist() for name in LENGTHS}
    tokens, seconds = 0, 0.0
    for name, length in LENGTHS.items():
        encoder = load_encoder(task.tokenizer, length)
        encoder.encode_batch_fast(columns[name][:CHUNK])
        for first in range(0, len(columns[name]), CHUNK):
            texts = columns[name][first : first + CHUNK]
            begun = time.perf_counter()
            encodings = encoder.encode_batch_fast(texts)
            seconds += time.perf_counter() - begun
            tokens += sum(map(len, encodings))
    result = {"contender": "raw", "measure": "rate", "rows": len(columns["query"]), "tokens": tokens}
    print(json.dumps(result | {"seconds": seconds, "versions": versions(("tokenizers",))}))


if __name__ == "__main__":
    main(parse())
