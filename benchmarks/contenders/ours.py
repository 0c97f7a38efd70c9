"""Ours: the stream as training uses it, through Ray Data into actors that collate, without DeepSpeed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import ray
from _contender import LENGTHS, STARTED, Task, batch_rows, count, fingerprint, parse, versions

from embedworks.cli.ray_session import connect
from embedworks.folder import load_tokenizer
from embedworks.training.stream import ChunkSplit, CorpusInput, StreamSpec, rank_batches
from embedworks.transforms.pairs import PairTransform

CLUSTER = "EMBEDWORKS_BENCH_CLUSTER"  # the address of the warm cluster
ENVIRONMENT = {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}  # as training's workers have it


def stream_spec(task: Task) -> StreamSpec:
    """One epoch of the corpus for the transform of the text systems."""
    transform = PairTransform(
        load_tokenizer(task.tokenizer.parent),
        query_length=LENGTHS["query"],
        positive_length=LENGTHS["positive"],
        max_length=256,
    )
    corpus = CorpusInput(task.data)
    return StreamSpec((corpus,), transform, task.batch_size, seed=1, steps=corpus.rows() // task.batch_size)


def shards(spec: StreamSpec, consumers: int, first: int) -> list[Any]:
    """Every consumer's stream, from a step on. All that knows how the platform splits a stream is here."""
    parts = ChunkSplit(spec, lambda: first).configure({"train": None}, consumers)
    return [part["train"] for part in parts]


@ray.remote(num_cpus=1, runtime_env={"env_vars": ENVIRONMENT})
class Consumer:
    """Stands where a training worker stands."""

    def __init__(self, spec: StreamSpec, rank: int, consumers: int) -> None:
        self.spec, self.rank, self.consumers = spec, rank, consumers

    def ready(self) -> None:
        """Return when the process is there."""

    def batches(self, shard: Any, first: int) -> Iterator[dict[str, Any]]:
        """Ready batches from a step on."""
        for _, table in rank_batches(shard, self.spec, self.rank, self.consumers, first):
            yield self.spec.transform.collate(table)

    def rate(self, shard: Any, warmup: int, batches: int) -> dict[str, Any]:
        """Seconds, rows, tokens and ids of the timed batches."""
        tokens = ids = rows = 0
        for number, batch in enumerate(self.batches(shard, 0)):
            if number == 0:
                first = time.time()
            if number == warmup:
                opened = time.perf_counter()
            elif number > warmup:
                sums = count(batch)
                tokens, ids, rows = tokens + sums[0], ids + sums[1], rows + batch_rows(batch)
            if number == warmup + batches:
                break
        seconds = time.perf_counter() - opened
        return {"first": first, "seconds": seconds, "rows": rows, "tokens": int(tokens), "id_sum": int(ids)}

    def first(self, shard: Any, step: int) -> tuple[float, list[int]]:
        """When the first batch was ready, and what it was."""
        batch = next(self.batches(shard, step))
        return time.time(), fingerprint(batch)


def measure_rate(task: Task) -> dict[str, Any]:
    """All consumers take batches as fast as they come."""
    begun = time.time()
    spec = stream_spec(task)
    actors = consumers(spec, task)
    parts = shards(spec, task.consumers, 0)
    calls = [a.rate.remote(p, task.warmup, task.batches) for a, p in zip(actors, parts, strict=True)]
    results = ray.get(calls)
    first = max(r["first"] for r in results)
    return {
        "rows": sum(r["rows"] for r in results),
        "seconds": max(r["seconds"] for r in results),
        "tokens": sum(r["tokens"] for r in results),
        "id_sum": sum(r["id_sum"] for r in results),
        "first_batch_s": first - begun,
        "first_batch_from_start_s": first - float(os.environ[STARTED]),
    }


def measure_resume(task: Task) -> dict[str, Any]:
    """A worker group that stands asks for its stream from a step on, as after a restored checkpoint."""
    spec = stream_spec(task)
    step = int(spec.steps * task.positions[0])
    actors = consumers(spec, task)
    begun = time.time()
    parts = shards(spec, task.consumers, step)
    firsts = ray.get([a.first.remote(p, step) for a, p in zip(actors, parts, strict=True)])
    done = max(moment for moment, _ in firsts)
    rows = task.batch_size // task.consumers
    expected = [
        fingerprint(spec.transform.collate(spec.read(at, at + rows)))
        for at in (step * task.batch_size + rank * rows for rank in range(task.consumers))
    ]
    return {
        "position": task.positions[0],
        "first_batch_s": done - begun,
        "first_batch_from_start_s": done - float(os.environ[STARTED]),
        "exact": [what for _, what in firsts] == expected,
    }


def consumers(spec: StreamSpec, task: Task) -> list[Any]:
    """Actors that are up."""
    actors = [Consumer.remote(spec, rank, task.consumers) for rank in range(task.consumers)]
    ray.get([actor.ready.remote() for actor in actors])
    return actors


def main(task: Task) -> None:
    """Start a cluster and measure in a fresh process that joins it, or be that process."""
    if CLUSTER not in os.environ:
        connect("local")
        address = ray.get_runtime_context().gcs_address
        sys.exit(subprocess.call([sys.executable, *sys.argv], env=environment(address)))
    connect(os.environ[CLUSTER])
    measured = measure_rate(task) if task.measure == "rate" else measure_resume(task)
    result = {"contender": "ours", "measure": task.measure, "consumers": task.consumers, **measured}
    print(json.dumps(result | {"versions": versions(("ray", "torch", "tokenizers", "pyarrow"))}))


def environment(address: str) -> dict[str, str]:
    """The joining process's environment; its clock starts now, with the cluster warm."""
    return {**os.environ, CLUSTER: address, STARTED: str(time.time())}


if __name__ == "__main__":
    main(parse())
