"""What every training contender shares: the task, the clock and the line it prints. Imports none of ours.

All start from the same model and see pairs of the same file, in batches of as many, cut to as many tokens,
for as many steps; the loss is the in-batch softmax over cosines at scale 20, with one AdamW and schedule.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

STARTED = "EMBEDWORKS_BENCH_STARTED"  # time.time() at which the harness started this process
SEED = 1
SCALE = 20.0
LEARNING_RATE = 5e-5
CLIP = 1.0


class Task(argparse.Namespace):
    """The command line of every contender."""

    data: Path
    model: Path
    out: Path
    steps: int
    warmup: int
    batch_size: int
    length: int
    workers: int
    zero: int
    precision: str

    @property
    def pairs(self) -> Path:
        """The pairs as one Parquet file, for those who do not read shards."""
        return self.data / "pairs.parquet"


def parse() -> Task:
    """Read the task from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="corpus folder")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model to start from")
    parser.add_argument("--out", type=Path, required=True, help="where the trained model goes")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--warmup", type=int, default=5, help="steps that are not timed")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--length", type=int, default=128, help="tokens of a text")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--zero", type=int, default=0)
    parser.add_argument("--precision", default="fp32")
    return parser.parse_args(namespace=Task())


class Clock:
    """Times the steps behind the warm-up.

    Args:
        task: Says which.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.begun = float(os.environ.get(STARTED, time.time()))
        self.first = self.opened = self.closed = 0.0

    def step(self, done: int) -> None:
        """``done`` steps are over."""
        now = time.time()
        self.first = self.first or now
        if done == self.task.warmup:
            self.opened = now
        if done == self.task.steps:
            self.closed = now

    def result(self, name: str, **more: Any) -> None:
        """Print the line."""
        timed = self.task.steps - self.task.warmup
        line = {
            "contender": name,
            "seconds": self.closed - self.opened,
            "pairs": timed * self.task.batch_size,
            "first_step_s": self.first - self.begun,
            **more,
        }
        print(json.dumps(line), flush=True)
