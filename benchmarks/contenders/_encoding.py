"""What all who only encode share: the command line, the clock, and the vectors they leave to be compared.

Imports none of ours. The loads are lists of texts by name; every contender uses all cores that it finds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

WARM = 8  # texts that are encoded before the clock starts
TRIAL = 6  # the choice of a batch size sees one of so many texts
SIZES = (8, 32, 128)  # texts of a batch

Encode = Callable[[list[str]], np.ndarray]


class Task(argparse.Namespace):
    """The command line of every encoding contender."""

    model: Path
    load: Path
    vectors: Path
    backend: str
    precision: str
    exported: Path

    @property
    def loads(self) -> dict[str, list[str]]:
        """Name to texts."""
        return dict(json.loads(self.load.read_text()))


def parse() -> Task:
    """Read the task from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True, help="embedder folder")
    parser.add_argument("--load", type=Path, required=True, help="JSON: name to texts")
    parser.add_argument("--vectors", type=Path, required=True, help=".npz that receives what comes out")
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--exported", type=Path, help="where a peer keeps its exported models")
    return parser.parse_args(namespace=Task())


def clock(encode: Encode, texts: Sequence[str]) -> tuple[float, np.ndarray]:
    """Seconds and ``(N, d)`` vectors of a warm encoder."""
    encode(list(texts[:WARM]))
    begun = time.perf_counter()
    vectors_ND = encode(list(texts))
    return time.perf_counter() - begun, np.asarray(vectors_ND, dtype=np.float32)


def fastest(sized: Callable[[int], Encode], texts: Sequence[str]) -> int:
    """The size of batches with which a part of the texts takes the least time."""
    some = list(texts[::TRIAL])
    return min(SIZES, key=lambda size: clock(sized(size), some)[0])


def finish(task: Task, found: dict[str, Any], vectors: dict[str, Any], packages: Sequence[str]) -> None:
    """Leave the vectors and print the line."""
    np.savez(task.vectors, **vectors)
    versions = {name: version(name) for name in packages}
    print(json.dumps({"loads": found, "versions": versions}), flush=True)
