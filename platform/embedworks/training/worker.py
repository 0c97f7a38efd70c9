"""What runs in every Ray Train worker: restore, step, report, and at the end write the embedder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import ray
import ray.train
import torch
from ray.train.torch import get_device

from embedworks.training.ahead import Ahead
from embedworks.training.batches import Cutter, MicroBatch
from embedworks.training.checkpoints.keeper import Keeper
from embedworks.training.ema import Average
from embedworks.training.engine import full_weights, start_engines
from embedworks.training.export import save_embedder
from embedworks.training.precision import settled
from embedworks.training.progress import Progress
from embedworks.training.snapshots import Snapshots
from embedworks.training.spec import TrainSpec
from embedworks.training.step import train_step
from embedworks.training.stream import rank_batches, seek
from embedworks.transforms.transform import Batch

CUT_AHEAD = 2  # steps whose tensors wait


def train_worker(spec: TrainSpec, board: Any) -> None:
    """The whole life of one worker. ``board`` is the :class:`.Board` actor."""
    context = ray.train.get_context()
    rank, workers = context.get_world_rank(), context.get_world_size()
    objective = spec.build().to(get_device())
    objective.train()
    options = settled(spec.options, get_device())
    engines = start_engines(objective, options, spec.stream.steps, workers)
    ema = None if options.ema is None else Average(objective, engines, options.ema)
    keeper = Keeper(
        spec.checkpoints,
        objective,
        engines,
        rank,
        workers,
        keep=options.checkpoint.keep,
        average=ema,
    )
    snapshots = Snapshots(
        spec.snapshots, lambda: full_weights(objective, engines, ema), rank, spec.stream.steps
    )
    done = first = keeper.restore()
    snapshots.take(first)  # a kill may have come between a checkpoint and its snapshot
    if rank == 0:
        seek(board, spec.stream, workers, first)
    for step, batches in step_batches(spec, rank, workers, first, board):
        metrics = train_step(engines, batches, rank, (spec.start.seed, step)) | padding(batches[0].batch)
        if ema:
            ema.update()
        objective.after_step(step)
        done = step + 1
        if done % spec.options.log_every == 0 or done in (first + 1, spec.stream.steps):
            numbers = average(metrics) | dict(objective.diagnostics()) | rates(engines)
            check_finite(numbers, done)
            if rank == 0:
                board.push.remote(Progress(done, spec.stream.steps, numbers))
        stopping = snapshots.should_stop()
        every = spec.options.checkpoint.every
        if stopping or done == spec.stream.steps or (every and done % every == 0):
            snapshots.wait()  # or a checkpoint could be newer than a snapshot that is not there yet
            keeper.save(done)
        snapshots.take(done)
        if stopping:
            break
    keeper.finish(done)
    snapshots.finish()
    if spec.snapshots is None:
        write_embedder(spec, full_weights(objective, engines, ema), rank)


def step_batches(
    spec: TrainSpec, rank: int, workers: int, first: int, board: Any
) -> Iterator[tuple[int, tuple[MicroBatch, ...]]]:
    """(step, micro-batches on this worker's device), from the step at which the worker group starts.

    Rows become tensors in a thread, ahead of the step that wants them.
    """
    if first >= spec.stream.steps:
        return
    options, device = spec.options, get_device()
    cut = Cutter(spec.stream.transform, rank, workers, options.accumulate, options.chunk_size)
    rows = rank_batches(ray.train.get_dataset_shard("train"), spec.stream, rank, workers, first, board)
    ready = Ahead(((step, cut(table, spec.stream.plan.size(step))) for step, table in rows), CUT_AHEAD)
    try:
        for step, batches in ready:
            yield step, tuple(batch.to(device) for batch in batches)
    finally:
        ready.close()


def padding(batch: Batch) -> dict[str, torch.Tensor]:
    """Share of the batch's positions that are padding, where it has attention masks."""
    masks = [mask for name, mask in batch.items() if name.endswith("mask")]
    if not masks:
        return {}
    real = torch.stack([mask.sum() for mask in masks]).sum()
    return {"padding": 1 - real / sum(mask.numel() for mask in masks)}


def average(metrics: dict[str, torch.Tensor]) -> dict[str, float]:
    """Means over all workers; a collective."""
    values = torch.stack([value.float() for value in metrics.values()])
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
        values /= torch.distributed.get_world_size()
    return dict(zip(metrics, values.tolist(), strict=True))


def rates(engines: dict[str, Any]) -> dict[str, float]:
    """Learning rate and gradient norm of every engine."""
    numbers: dict[str, float] = {}
    for name, engine in engines.items():
        prefix = f"{name}/" if len(engines) > 1 else ""
        numbers[prefix + "learning_rate"] = float(engine.get_lr()[0])
        norm = engine.get_global_grad_norm()
        if norm is not None:
            numbers[prefix + "grad_norm"] = float(norm)
    return numbers


def check_finite(numbers: dict[str, float], step: int) -> None:
    """Stop at a loss that is not a number, before it is saved as a checkpoint."""
    if not np.isfinite(numbers["loss"]):
        raise FloatingPointError(f"the loss is {numbers['loss']} at step {step}: {numbers}")


def write_embedder(spec: TrainSpec, weights: dict[str, torch.Tensor], rank: int) -> None:
    """Write the embedder folder, complete or not at all."""
    if rank == 0:
        save_embedder(spec, weights, spec.embedder)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
