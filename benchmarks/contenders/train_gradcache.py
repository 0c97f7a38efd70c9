"""What a large batch costs: a step of `batch_size` pairs in chunks of 64, or steps of 64; no Ray."""

from __future__ import annotations

import json
import os
import resource
import time

import pyarrow.parquet as pq
import torch
import torch.distributed as dist
from _training import LEARNING_RATE, SEED, Task, parse
from train_bare import objective

from embedworks.training.batches import Cutter
from embedworks.training.engine import start_engines
from embedworks.training.options import TrainingOptions
from embedworks.training.step import train_step

CHUNK = 64


def main(task: Task) -> None:
    """Train and print."""
    os.environ |= {"DS_ACCELERATOR": "cpu", "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    trained = objective(task).train()
    chunk = CHUNK if task.batch_size > CHUNK else None
    options = TrainingOptions.model_validate(
        {
            "steps": task.steps,
            "batch_size": task.batch_size,
            "chunk_size": chunk,
            "precision": task.precision,
            "optimizer": {"learning_rate": LEARNING_RATE},
        }
    )
    engines = start_engines(trained, options, task.steps, 1)
    transform = type(trained).transform(trained.config, trained.start)
    cut = Cutter(transform, 0, 1, chunk_size=chunk)
    table = pq.read_table(task.pairs)
    order = torch.randperm(len(table), generator=torch.Generator().manual_seed(SEED)).repeat(8)
    rows = transform(table.take(order[: task.steps * task.batch_size].numpy()))
    seconds = []
    for step in range(task.steps):
        batches = cut(rows.slice(step * task.batch_size, task.batch_size), task.batch_size)
        begun = time.perf_counter()
        train_step(engines, batches, 0, (SEED, step))
        seconds.append(time.perf_counter() - begun)
    timed = seconds[task.warmup :]
    line = {
        "contender": f"batch {task.batch_size}",
        "ms_per_pair": 1000 * sum(timed) / len(timed) / task.batch_size,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(parse())
