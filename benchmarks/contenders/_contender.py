"""What every contender shares: the task, the tokenising, the padding and the stopwatch.

Imports no peer and none of ours.

A contender is a script with one job: to iterate the ready batches of a corpus folder. :func:`run` measures
it and prints one JSON line. Its tokens are part of the line, so that nobody is fast by doing less.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

Batch = dict[str, torch.Tensor]

LENGTHS = {"query": 32, "positive": 128}  # tokens at which each column is cut
STARTED = "EMBEDWORKS_BENCH_STARTED"  # time.time() at which the harness started this process
SHUFFLE_ROWS = 16_384  # what each contender may mix at a time: our stream's own window
WORKERS = 2

# Shape legend: B rows, T tokens.


class Task(argparse.Namespace):
    """The command line of every contender."""

    data: Path
    tokenizer: Path
    measure: str
    batch_size: int
    warmup: int
    batches: int
    position: float
    states: Path
    rows: int
    consumers: int
    readers: float

    def converted(self, name: str) -> Path:
        """Where a contender keeps the corpus in its own format."""
        return self.data.with_name(f"{self.data.name}-{name}")


class Loader(Protocol):
    """A contender's loader."""

    def batches(self) -> Iterator[Batch]:
        """Ready batches of one epoch."""
        ...

    def state(self) -> Any:
        """What :meth:`resume` needs to go on behind the newest batch."""
        ...

    def resume(self, state: Any) -> None:
        """Go on from there; called before :meth:`batches`."""
        ...


def parse() -> Task:
    """Read the task from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="corpus folder")
    parser.add_argument("--tokenizer", type=Path, help="tokenizer.json")
    parser.add_argument("--measure", choices=("rate", "convert", "states", "resume"), default="rate")
    parser.add_argument("--batch-size", type=int, default=128, help="rows, over all consumers")
    parser.add_argument("--warmup", type=int, default=60, help="batches before the stopwatch starts")
    parser.add_argument("--batches", type=int, default=600, help="batches that are timed")
    parser.add_argument("--position", type=float, help="resume: where in the epoch")
    parser.add_argument("--states", type=Path, help="states, resume: a file")
    parser.add_argument("--rows", type=int, help="states: rows of the corpus")
    parser.add_argument("--consumers", type=int, default=1, help="processes that take batches (ours)")
    parser.add_argument("--readers", type=float, default=0.5, help="reading processes a consumer (ours)")
    return parser.parse_args(namespace=Task())


def run(
    name: str,
    task: Task,
    make: Callable[[Task], Loader],
    packages: tuple[str, ...],
    convert: Callable[[Task], None] | None = None,
) -> None:
    """Measure a contender as the task says and print one JSON line."""
    if task.measure == "convert":
        result = measure_convert(name, convert, task)
    elif task.measure == "rate":
        result = measure_rate(make, task)
    else:
        result = save_states(make, task) if task.measure == "states" else measure_resume(make, task)
    print(json.dumps({"contender": name, **result, "versions": versions(packages)}), flush=True)


def measure_convert(name: str, convert: Callable[[Task], None] | None, task: Task) -> dict[str, Any]:
    """Seconds of the conversion to the contender's own format, which is done once and kept."""
    if convert is None:
        return {"seconds": 0.0}
    note = task.converted(name) / "converted.json"
    if not note.is_file():
        begun = time.perf_counter()
        convert(task)
        note.write_text(json.dumps({"seconds": time.perf_counter() - begun}))
    return dict(json.loads(note.read_text()))


def measure_rate(make: Callable[[Task], Loader], task: Task) -> dict[str, Any]:
    """Seconds for the timed batches, and to the first one."""
    begun = time.time()
    result = stopwatch(make(task).batches(), task.warmup, task.batches)
    return result | first_batch(begun, result.pop("first"))


def stopwatch(batches: Iterable[Batch], warmup: int, timed: int) -> dict[str, Any]:
    """Take ``warmup`` batches, then time the next ``timed`` ones."""
    tokens = rows = 0
    for number, batch in enumerate(batches):
        if number == 0:
            first = time.time()
        if number == warmup:
            opened = time.perf_counter()
        elif number > warmup:
            tokens += count_tokens(batch)
            rows += batch_rows(batch)
        if number == warmup + timed:
            break
    else:
        raise SystemExit(f"the loader ended after {number + 1} of {warmup + timed + 1} batches")
    return {"first": first, "seconds": time.perf_counter() - opened, "rows": rows, "tokens": tokens}


def first_batch(begun: float, first: float) -> dict[str, float]:
    """Seconds to the first batch from the loader's making and from the process's start."""
    started = float(os.environ.get(STARTED, begun))
    return {"first_batch_s": first - begun, "first_batch_from_start_s": first - started}


def save_states(make: Callable[[Task], Loader], task: Task) -> dict[str, Any]:
    """Walk through the epoch; at each position keep the state and the batch that came next."""
    loader = make(task)
    stops = {round(task.rows * tenth / 10 / task.batch_size): tenth / 10 for tenth in (1, 5, 9)}
    states: dict[float, Any] = {}
    for number, batch in enumerate(loader.batches(), 1):
        if number - 1 in stops:
            states[stops[number - 1]]["next"] = fingerprint(batch)
        if number in stops:
            states[stops[number]] = {"state": loader.state()}
        if number > max(stops):
            break
    task.states.write_bytes(pickle.dumps(states))
    return {"positions": sorted(states)}


def measure_resume(make: Callable[[Task], Loader], task: Task) -> dict[str, Any]:
    """Seconds from a saved state to the next batch, and whether it is the one that would have come."""
    saved = pickle.loads(task.states.read_bytes())[task.position]  # save_states wrote it a moment ago
    begun = time.time()
    loader = make(task)
    loader.resume(saved["state"])
    batch = next(iter(loader.batches()))
    return first_batch(begun, time.time()) | {"exact": fingerprint(batch) == saved["next"]}


class Texts:
    """Texts to padded tensors with the tokenizers library alone, loaded in the process that uses it."""

    def __init__(self, tokenizer: Path) -> None:
        self.file = tokenizer
        self.encoders: dict[str, Any] = {}

    def __call__(self, columns: dict[str, list[str]]) -> Batch:
        """``{query, positive}_{ids, mask}``, each ``(B, T)`` int64, T a multiple of 8."""
        if not self.encoders:
            self.encoders = {name: load_encoder(self.file, length) for name, length in LENGTHS.items()}
        batch = {}
        for name, encoder in self.encoders.items():
            lists = [encoding.ids for encoding in encoder.encode_batch_fast(columns[name])]
            batch[f"{name}_ids"], batch[f"{name}_mask"] = pad(lists, LENGTHS[name])
        return batch

    def collate(self, rows: list[dict[str, str]]) -> Batch:
        """The same of a list of rows: what a torch DataLoader collates."""
        return self({name: [row[name] for row in rows] for name in LENGTHS})


def load_encoder(file: Path, length: int) -> Any:
    """A tokenizer that cuts to ``length`` and does not pad."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(length)
    return tokenizer


def pad(lists: list[list[int]], limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists of ids to ``(B, T)`` int64 ids and mask."""
    lengths_B = np.fromiter(map(len, lists), np.int64, len(lists))
    width = min(-(-int(lengths_B.max()) // 8) * 8, limit)
    mask_BT = np.arange(width)[None, :] < lengths_B[:, None]
    ids_BT = np.zeros(mask_BT.shape, dtype=np.int64)
    ids_BT[mask_BT] = np.concatenate([np.asarray(ids, dtype=np.int64) for ids in lists])
    return torch.from_numpy(ids_BT), torch.from_numpy(mask_BT.astype(np.int64))


def count_tokens(batch: Batch) -> int:
    """Tokens of a batch; 0 for images."""
    return sum(int(tensor.sum()) for name, tensor in batch.items() if name.endswith("_mask"))


def batch_rows(batch: Batch) -> int:
    """Rows of a batch."""
    return len(next(iter(batch.values())))


def fingerprint(batch: Batch) -> list[int]:
    """Equal for equal batches."""
    weighed = [tensor.flatten().long() * torch.arange(1, tensor.numel() + 1) for tensor in batch.values()]
    return [batch_rows(batch), *(int(tensor.sum()) for tensor in weighed)]


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Installed versions."""
    return {package: version(package) for package in packages}
