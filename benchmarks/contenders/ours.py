"""Ours: the stream as training uses it, through Ray Data into actors that collate, without DeepSpeed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import ray
from _contender import LENGTHS, STARTED, Batch, Task, fingerprint, first_batch, parse, stopwatch, versions

from embedworks.cli.ray_session import connect
from embedworks.folder import load_tokenizer
from embedworks.training.options import TrainingOptions
from embedworks.training.plan import plan_batches
from embedworks.training.progress import Board
from embedworks.training.stream import CorpusInput, RankSplit, StreamSpec, rank_batches, read_block, seek
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.transform import Transform

CLUSTER = "EMBEDWORKS_BENCH_CLUSTER"  # the address of the warm cluster
ENVIRONMENT = {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}  # as training's workers have it


def pairs(task: Task) -> Transform:
    """The transform of the text systems."""
    return PairTransform(
        load_tokenizer(task.tokenizer.parent),
        query_length=LENGTHS["query"],
        positive_length=LENGTHS["positive"],
        max_length=LENGTHS["positive"],
    )


class Stream:
    """The platform's stream for some consumers, from a step on: all that knows how training makes one."""

    def __init__(self, task: Task, transform: Transform, epochs: float) -> None:
        corpora = (CorpusInput(task.data),)
        options = TrainingOptions(epochs=epochs, batch_size=task.batch_size)
        self.spec = StreamSpec(corpora, transform, plan_batches(corpora, options, seed=1))
        self.board: Any = Board.remote()  # type: ignore[attr-defined]

    def split(self, task: Task, first: int) -> list[Any]:
        """Each consumer's part."""
        seek(self.board, self.spec, task.consumers, first)
        parts = RankSplit(self.spec, self.board, task.readers).configure({"train": None}, task.consumers)
        return [part["train"] for part in parts]

    def batches(self, part: Any, rank: int, consumers: int, first: int) -> Iterator[Batch]:
        """A consumer's ready batches."""
        for _, rows in rank_batches(part, self.spec, rank, consumers, first, self.board):
            yield self.spec.transform.collate(rows)

    def expected(self, rank: int, consumers: int, step: int) -> Batch:
        """The batch of a step, read without Ray."""
        return self.spec.transform.collate(read_block(self.spec, consumers, range(step, step + 1), rank))


@ray.remote(num_cpus=1, runtime_env={"env_vars": ENVIRONMENT})
class Consumer:
    """Stands where a training worker stands."""

    def __init__(self, stream: Stream, rank: int, consumers: int) -> None:
        self.stream, self.rank, self.consumers = stream, rank, consumers

    def ready(self) -> None:
        """Return when the process is there."""

    def rate(self, part: Any, warmup: int, timed: int) -> dict[str, Any]:
        """Time batches."""
        return stopwatch(self.stream.batches(part, self.rank, self.consumers, 0), warmup, timed)

    def first(self, part: Any, step: int) -> tuple[float, bool]:
        """When the first batch was ready, and whether it is the step's."""
        batch = next(self.stream.batches(part, self.rank, self.consumers, step))
        done = time.time()
        right = fingerprint(batch) == fingerprint(self.stream.expected(self.rank, self.consumers, step))
        return done, right


def measure_rate(stream: Stream, task: Task, begun: float) -> dict[str, Any]:
    """All consumers take batches as fast as they come."""
    actors, parts = consumers(stream, task), stream.split(task, 0)
    results = ray.get(
        [a.rate.remote(p, task.warmup, task.batches) for a, p in zip(actors, parts, strict=True)]
    )
    total = {key: sum(result[key] for result in results) for key in ("rows", "tokens")}
    slowest = max(result["seconds"] for result in results)
    return total | {"seconds": slowest} | first_batch(begun, max(result["first"] for result in results))


def measure_resume(stream: Stream, task: Task) -> dict[str, Any]:
    """A worker group that stands asks for its stream from a step on, as after a restored checkpoint.

    Twice: in a new job, whose readers have yet to be started, and again after all workers were killed.
    """
    step = int(stream.spec.steps * task.position)
    cold, exact_cold = resume_once(stream, task, step)
    again, exact_again = resume_once(stream, task, step)
    return {
        "first_batch_s": again["first_batch_s"],
        "first_batch_new_job_s": cold["first_batch_s"],
        "first_batch_from_start_s": cold["first_batch_from_start_s"],
        "exact": exact_cold and exact_again,
    }


def resume_once(stream: Stream, task: Task, step: int) -> tuple[dict[str, float], bool]:
    """Time a new worker group's first batches, and kill it."""
    actors = consumers(stream, task)
    begun = time.time()
    parts = stream.split(task, step)
    done = ray.get([a.first.remote(p, step) for a, p in zip(actors, parts, strict=True)])
    for actor in actors:
        ray.kill(actor)
    return first_batch(begun, max(moment for moment, _ in done)), all(right for _, right in done)


def consumers(stream: Stream, task: Task) -> list[Any]:
    """Actors that are up."""
    actors = [Consumer.remote(stream, rank, task.consumers) for rank in range(task.consumers)]
    ray.get([actor.ready.remote() for actor in actors])
    return actors


def main(task: Task, transform: Callable[[Task], Transform], epochs: float = 1) -> None:
    """Start a cluster and measure in a fresh process that joins it, or be that process."""
    if CLUSTER not in os.environ:
        connect("local")
        cluster = ray.get_runtime_context().gcs_address
        variables = {**os.environ, CLUSTER: cluster, STARTED: str(time.time())}  # the cluster is warm now
        sys.exit(subprocess.call([sys.executable, *sys.argv], env=variables))
    begun = time.time()
    connect(os.environ[CLUSTER])
    stream = Stream(task, transform(task), epochs)
    result = measure_resume(stream, task) if task.measure == "resume" else measure_rate(stream, task, begun)
    result = {"contender": "ours", **result}
    print(json.dumps(result | {"versions": versions(("ray", "torch", "tokenizers", "pyarrow"))}))


if __name__ == "__main__":
    main(parse(), pairs)
