"""The stream through Ray Data: the same global batches for any number of workers, and after kills."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import ray
from ray import cloudpickle

from embedworks.corpora.shards import write_corpus
from embedworks.training import chunks
from embedworks.training.options import MixingOptions, TrainingOptions
from embedworks.training.plan import plan_batches
from embedworks.training.progress import Board
from embedworks.training.stream import (
    CorpusInput,
    PackedStream,
    RankBlocks,
    StreamSpec,
    rank_batches,
    seek,
    split_stream,
)
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE, Transform

pytestmark = pytest.mark.ray
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # Ray's workers cannot import tests

ROWS = (150, 70)


class Identity(Transform):
    """Passes on which sample a row is."""

    columns = ("number",)

    def __call__(self, rows: pa.Table) -> pa.Table:
        assert rows["number"].to_pylist() == rows[SAMPLE].to_pylist()
        return rows.select([SOURCE, EPOCH, SAMPLE])

    def collate(self, rows: pa.Table) -> Any:
        return {name: rows[name].to_pylist() for name in rows.column_names}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> tuple[CorpusInput, ...]:
    root = tmp_path_factory.mktemp("stream")
    inputs = []
    for number, rows in enumerate(ROWS):
        data = {"train": ({"number": i} for i in range(rows))}
        schema = pa.schema([("number", pa.int64())])
        folder = root / f"c{number}"
        write_corpus(folder, data, name=folder.name, schema=schema, shard_rows=32, row_group_rows=8)
        inputs.append(CorpusInput(folder))
    return tuple(inputs)


def stream(corpora: tuple[CorpusInput, ...], **options: Any) -> StreamSpec:
    plan = plan_batches(corpora, TrainingOptions(**options), seed=7)
    return StreamSpec(corpora, Identity(), plan, head_rows=20)  # one step or a few, then Ray Data


@ray.remote(num_cpus=0, concurrency_groups={"watch": 1})
class Consumer:
    """A worker that writes down every step it was given before it asks for the next."""

    def __init__(self, log: Path, rank: int, workers: int) -> None:
        self.log, self.rank, self.workers = log, rank, workers

    def pid(self) -> int:
        return os.getpid()

    def consume(self, spec: StreamSpec, split: Any, first: int, board: Any, pause: float = 0.0) -> None:
        with self.log.open("a") as log:
            for step, rows in rank_batches(split, spec, self.rank, self.workers, first, board):
                batch = spec.transform.collate(rows)
                keys = list(zip(batch[SOURCE], batch[EPOCH], batch[SAMPLE], strict=True))
                log.write(json.dumps([step, keys]) + "\n")
                log.flush()
                time.sleep(pause)


def start(spec: StreamSpec, workers: int, first: int, folder: Path, pause: float = 0.0) -> tuple[Any, Any]:
    """Consumers at work on the stream from a step on."""
    folder.mkdir(exist_ok=True)
    board = Board.remote()
    seek(board, spec, workers, first)
    source = RankBlocks(
        PackedStream(spec), workers, board, chunks.count_chunks(spec.plan, workers, first, spec.block_rows)
    )
    splits = split_stream(source, readers=2)
    consumers = [Consumer.remote(folder / f"rank{r}", r, workers) for r in range(workers)]
    work = [c.consume.remote(spec, s, first, board, pause) for c, s in zip(consumers, splits, strict=True)]
    return consumers, work


def read(folder: Path) -> dict[int, list[set[tuple[int, ...]]]]:
    """step -> what each rank that finished it was given."""
    steps: dict[int, list[set[tuple[int, ...]]]] = {}
    for file in sorted(folder.iterdir()):
        for line in file.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # a line that a kill cut short
                step, keys = json.loads(line)
                steps.setdefault(step, []).append({tuple(key) for key in keys})
    return steps


def expected(spec: StreamSpec, step: int) -> set[tuple[int, ...]]:
    batch = spec.plan.batch(step)
    return set(zip(batch.source.tolist(), batch.epoch.tolist(), batch.row.tolist(), strict=True))


CASES = {
    "epochs, short": {"epochs": 2, "batch_size": 16, "last_batch": "short"},
    "epochs, pad": {"epochs": 1, "batch_size": 24},
    "single source": {"epochs": 1, "batch_size": 16, "mixing": MixingOptions(batches="single-source")},
    "steps": {"steps": 9, "batch_size": 20},
}


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("case", CASES)
def test_any_number_of_workers_shares_the_same_global_batches(
    ray_cluster, corpora, tmp_path, monkeypatch, workers, case
):
    monkeypatch.setattr(chunks, "STRETCH_CHUNKS", 3)  # several stretches a run
    spec = stream(corpora, **CASES[case])
    _, work = start(spec, workers, 0, tmp_path / "log")
    ray.get(work)
    steps = read(tmp_path / "log")
    assert sorted(steps) == list(range(spec.steps))
    for step, parts in steps.items():
        assert sum(map(len, parts)) == spec.plan.size(step)
        assert set.union(*parts) == expected(spec, step)


def test_killed_workers_and_fewer_of_them_read_every_sample_once(ray_cluster, corpora, tmp_path):
    spec = stream(corpora, epochs=3, batch_size=12, last_batch="short")
    seen: list[tuple[int, ...]] = []
    first = 0
    for workers, stop in ((4, 11), (2, 29), (1, spec.steps)):
        folder = tmp_path / f"{workers}-workers"
        run_until(spec, workers, first, stop, folder)
        end = finished(folder, workers, first)  # what a checkpoint after every step would vouch for
        steps = read(folder)
        seen += [key for step in range(first, end) for part in steps[step] for key in part]
        first = end
    wanted = {(s, e, r) for s, rows in enumerate(ROWS) for e in range(3) for r in range(rows)}
    assert len(seen) == len(wanted)
    assert set(seen) == wanted


def run_until(spec: StreamSpec, workers: int, first: int, stop: int, folder: Path) -> None:
    """Consume, and SIGKILL every consumer once all have finished the steps before ``stop``."""
    consumers, work = start(spec, workers, first, folder, pause=0.02)
    if stop == spec.steps:
        ray.get(work)
        return
    pids = ray.get([consumer.pid.options(concurrency_group="watch").remote() for consumer in consumers])
    while finished(folder, workers, first) < stop:
        ended, _ = ray.wait(work, timeout=0.01)
        ray.get(ended)  # a worker that failed would never get there
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def finished(folder: Path, workers: int, first: int) -> int:
    """The first step from ``first`` on that not every worker has finished."""
    steps = read(folder)
    while len(steps.get(first, ())) == workers:
        first += 1
    return first
