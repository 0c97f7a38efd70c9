"""Ours: Ray Data into Ray Train workers on DeepSpeed, with checkpoints and curves as any job has them.

The node is started and warmed by a short run first; `start_s` is from asking for a run to its first step.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from statistics import fmean
from typing import Any

import ray
from _training import CLIP, LEARNING_RATE, SEED, Clock, Task, parse

from embedworks.cli.ray_session import connect
from embedworks.corpora.corpus import open_corpus
from embedworks.embedder import Lineage
from embedworks.objective import Start
from embedworks.systems.text_embedding.starbucks import Starbucks
from embedworks.training.loop import train
from embedworks.training.options import TrainingOptions
from embedworks.training.plan import plan_batches
from embedworks.training.progress import Progress
from embedworks.training.spec import TrainSpec
from embedworks.training.stream import CorpusInput, StreamSpec


def spec(task: Task, steps: int, folder: Path) -> TrainSpec:
    """What a job would ask for."""
    start = Start(base=task.model, seed=SEED)
    config: dict[str, Any] = {
        "form": "sts",
        "pairs": [start.embedder().full_pair],
        "kl_weight": 0,
        "hard_negatives": 0,
        "query_length": task.length,
        "positive_length": task.length,
    }
    options = TrainingOptions.model_validate(
        {
            "steps": steps,
            "batch_size": task.batch_size,
            "workers": task.workers,
            "zero": task.zero,
            "precision": task.precision,
            "optimizer": {
                "learning_rate": LEARNING_RATE,
                "weight_decay": 0.01,
                "warmup": 0,
                "schedule": "linear",
                "clip": CLIP,
            },
            "log_every": task.warmup,
        }
    )
    corpora = (CorpusInput(task.data),)
    transform = Starbucks.transform(Starbucks.Config.model_validate(config), start)
    stream = StreamSpec(corpora, transform, plan_batches(corpora, options, SEED))
    lineage = Lineage(corpora={task.data.name: open_corpus(task.data).digest})
    shutil.rmtree(folder, ignore_errors=True)
    return TrainSpec("starbucks", config, start, stream, options, folder, folder / "checkpoints", lineage)


def main(task: Task) -> None:
    """Train and print."""
    connect("local")
    warm = task.out / "warm"
    train(spec(task, 1, warm), warm, lambda _: None)
    clock, points = Clock(task), []
    clock.begun = time.time()

    def listen(progress: Progress) -> None:
        points.append(progress)
        clock.first = clock.first or progress.time / 1000

    run = spec(task, task.steps, task.out)
    train(run, task.out / "work", listen)
    # By the workers' own clocks: what the driver hears comes up to half a second later.
    times = {point.step: point.time / 1000 for point in points}
    clock.opened, clock.closed = times[task.warmup], times[task.steps]
    timed = [point.metrics for point in points if point.step > task.warmup]
    names = [name for name in timed[-1] if name.startswith("speed/")]
    speed = {name.removeprefix("speed/"): fmean(point[name] for point in timed) for name in names}
    size = sum(file.stat().st_size for file in run.checkpoints.rglob("*") if file.is_file())
    clock.result(
        f"embedworks, {task.workers} workers",
        start_s=clock.first - clock.begun,
        checkpoint_mb=size / 2**20,
        loss=points[-1].metrics["loss"],
        **speed,
    )
    ray.shutdown()


if __name__ == "__main__":
    main(parse())
