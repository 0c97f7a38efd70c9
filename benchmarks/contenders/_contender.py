"""What every contender shares: the task, the tokenising, the padding, and the stopwatch. Imports no peer and none of ours.

A contender is a script with one job: iterate ready batches of a corpus folder. ``run`` measures it and
prints one JSON line. Token and id sums are part of it, so that nobody is fast by doing less.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

LENGTHS = {"query": 32, "positive": 128}
IMAGE_SIDE = 64
STARTED = "EMBEDWORKS_BENCH_STARTED"  # when the harness started this process, by time.time()

# Shape legend: B rows, T tokens.


class Task(argparse.Namespace):
    """The command line of every contender.

    Attributes:
        data: Corpus folder (or what the contender converted it to).
        tokenizer: ``tokenizer.json``.
        measure: rate, states or resume.
        batch_size: Rows of a batch; with several consumers, of all their batches together.
        warmup: Batches before the stopwatch starts.
        batches: Batches that are timed.
        positions: For ``states``: fractions of the epoch.
        state: A file of ``states``: where to go on.
        rows: Rows of the corpus.
        consumers: Processes that take the batches (ours alone).
    """


class Loader(Protocol):
    """A contender's loader."""

    def batches(self) -> Iterator[dict[str, torch.Tensor]]:
        """Ready batches, endlessly or for one epoch."""
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
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--measure", choices=("rate", "states", "resume"), default="rate")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--batches", type=int, default=500)
    parser.add_argument("--positions", type=float, nargs="*", default=(0.1, 0.5, 0.9))
    parser.add_argument("--state", type=Path)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--consumers", type=int, default=1)
    return parser.parse_args(namespace=Task())


def run(name: str, task: Task, make: Callable[[Task], Loader], packages: tuple[str, ...]) -> None:
    """Measure a contender as the task says and print one JSON line."""
    measure = {"rate": measure_rate, "states": save_states, "resume": measure_resume}[task.measure]
    result = {"contender": name, "measure": task.measure, **measure(make, task)}
    print(json.dumps(result | {"versions": versions(packages)}), flush=True)


def measure_rate(make: Callable[[Task], Loader], task: Task) -> dict[str, Any]:
    """Seconds for the timed batches, and to the first one: from the loader's making and the process's start."""
    begun = time.time()
    totals = np.zeros(2, dtype=np.int64)
    rows, opened, first = 0, 0.0, 0.0
    for number, batch in enumerate(make(task).batches()):
        if number == 0:
            first = time.time()
        if number == task.warmup:
            opened = time.perf_counter()
        if number >= task.warmup:
            totals += count(batch)
            rows += batch_rows(batch)
        if number + 1 == task.warmup + task.batches:
            break
    else:
        raise SystemExit(f"the loader ended after {number + 1} of {task.warmup + task.batches} batches")
    return {
        "rows": rows - batch_rows(batch),
        "seconds": time.perf_counter() - opened,
        "tokens": int(totals[0]),
        "id_sum": int(totals[1]),
        "first_batch_s": first - begun,
        "first_batch_from_start_s": first - float(os.environ.get(STARTED, begun)),
    }


def save_states(make: Callable[[Task], Loader], task: Task) -> dict[str, Any]:
    """Walk through an epoch, keep the state at each position and the batch that came next."""
    loader = make(task)
    stops = {max(1, int(task.rows * p / task.batch_size)): p for p in sorted(task.positions)}
    states: dict[float, Any] = {}
    waiting: list[float] = []
    for number, batch in enumerate(loader.batches(), 1):
        for position in waiting:
            states[position]["next"] = fingerprint(batch)
        waiting = []
        if number in stops:
            waiting = [stops[number]]
            states[stops[number]] = {"state": loader.state()}
        if number > max(stops):
            break
    assert task.state is not None
    task.state.write_bytes(pickle.dumps(states))
    return {"positions": sorted(states)}


def measure_resume(make: Callable[[Task], Loader], task: Task) -> dict[str, Any]:
    """Seconds from a saved state to the next batch, and whether it is the batch that would have come."""
    assert task.state is not None
    saved = pickle.loads(task.state.read_bytes())[task.positions[0]]  # written by save_states a moment ago
    begun = time.time()
    loader = make(task)
    loader.resume(saved["state"])
    batch = next(iter(loader.batches()))
    done = time.time()
    return {
        "position": task.positions[0],
        "first_batch_s": done - begun,
        "first_batch_from_start_s": done - float(os.environ.get(STARTED, begun)),
        "exact": fingerprint(batch) == saved["next"],
    }


class Texts:
    """Texts to padded tensors with the tokenizers library alone; loads the tokenizer in the process that uses it."""

    def __init__(self, tokenizer: Path) -> None:
        self.file = tokenizer
        self.encoders: dict[str, Any] = {}

    def __call__(self, columns: dict[str, list[str]]) -> dict[str, torch.Tensor]:
        """``{query, positive}_{ids, mask}``, each ``(B, T)`` int64, T a multiple of 8."""
        batch = {}
        for name, length in LENGTHS.items():
            ids_BT, mask_BT = pad([e.ids for e in self.encode(name, columns[name])], length)
            batch[f"{name}_ids"], batch[f"{name}_mask"] = ids_BT, mask_BT
        return batch

    def encode(self, name: str, texts: list[str]) -> list[Any]:
        """Encodings of one column, cut to its length."""
        if name not in self.encoders:
            self.encoders[name] = load_encoder(self.file, LENGTHS[name])
        return self.encoders[name].encode_batch_fast(texts)


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


def decode_image(png: bytes) -> np.ndarray:
    """PNG bytes to ``(64, 64, 3)`` uint8."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB").resize((IMAGE_SIDE, IMAGE_SIDE), Image.Resampling.BILINEAR))


def count(batch: dict[str, torch.Tensor]) -> np.ndarray:
    """(tokens, sum of ids) of a batch; (0, sum of pixels) of images."""
    tokens = sum(int(t.sum()) for name, t in batch.items() if name.endswith("_mask"))
    ids = sum(int(t.sum()) for name, t in batch.items() if not name.endswith("_mask"))
    return np.array([tokens, ids], dtype=np.int64)


def batch_rows(batch: dict[str, torch.Tensor]) -> int:
    """Rows of a batch."""
    return len(next(iter(batch.values())))


def fingerprint(batch: dict[str, torch.Tensor]) -> list[int]:
    """Equal for equal batches."""
    return [int(t.to(torch.int64).sum()) for t in batch.values()] + [batch_rows(batch)]


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Installed versions."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
