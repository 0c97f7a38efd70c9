"""The limit of images: PIL alone, decoding and resizing in one process a core."""

from __future__ import annotations

import json
import multiprocessing
import time

import pyarrow.parquet as pq
from _contender import WORKERS, Task, parse, versions
from _images import decode

pngs: list[bytes] = []  # shared with the processes by forking


def main(task: Task) -> None:
    """Decode as many images as the others; reading them and starting processes are not timed."""
    table = pq.read_table(sorted(task.data.glob("train-*.parquet")))
    pngs.extend(table["image"].to_pylist())
    rows = task.batches * task.batch_size
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        pool.map(decode_all, [range(8)] * WORKERS, chunksize=1)
        begun = time.perf_counter()
        pool.map(decode_all, [range(part, rows, WORKERS) for part in range(WORKERS)], chunksize=1)
        seconds = time.perf_counter() - begun
    result = {"contender": "raw-images", "seconds": seconds, "rows": rows, "tokens": 0}
    print(json.dumps(result | {"versions": versions(("pillow",))}))


def decode_all(indices: range) -> None:
    """Decode images, going round where there are fewer."""
    for index in indices:
        decode(pngs[index % len(pngs)])


if __name__ == "__main__":
    main(parse())
