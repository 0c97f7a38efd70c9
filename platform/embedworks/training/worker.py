"""What runs in every Ray Train worker: restore, step, report, and at the end write the embedder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import ray
import ray.train
import torch
from ray.train.torch import get_device

from embedworks.objective import Objective
from embedworks.training.ahead import Ahead
from embedworks.training.bad_loss import report_bad_loss
from embedworks.training.batches import Cutter, MicroBatch
from embedworks.training.checkpoints.keeper import Keeper
from embedworks.training.engine import full_weights, start_engines
from embedworks.training.options import TrainingOptions
from embedworks.training.progress import Progress
from embedworks.training.pulse import Pulse
from embedworks.training.spec import TrainSpec
from embedworks.training.step import train_step
from embedworks.training.stream import rank_batches, seek
from embedworks.training.watchdog import Watchdog
from embedworks.transforms.transform import Batch

CUT_AHEAD = 2  # steps whose tensors wait


def train_worker(spec: TrainSpec, board: Any) -> None:
    """The whole life of one worker. ``board`` is the :class:`.Board` actor."""
    context = ray.train.get_context()
    rank, workers = context.get_world_rank(), context.get_world_size()
    if rank == 0:
        ray.get(board.begin.remote(workers))
    with Watchdog(board, rank, spec.options.hang_seconds) as watchdog:
        objective = spec.build().to(get_device())
        objective.train()
        engines = start_engines(objective, spec.options, spec.stream.steps, workers)
        keeper = Keeper(
            spec.checkpoints,
            objective,
            engines,
            rank,
            workers,
            keep=spec.options.checkpoint.keep,
            tell=lambda text: board.note.remote(f"worker {rank}: {text}"),
        )
        first = keeper.restore()
        if rank == 0:
            seek(board, spec.stream, workers, first)
        if not take_steps(spec, board, watchdog, objective, engines, keeper, first):
            return
        watchdog.step_ended(spec.stream.steps, "the last checkpoint")
        keeper.finish(spec.stream.steps)
        watchdog.enter("writing the embedder")
        write_embedder(spec, objective, engines, rank)


def take_steps(
    spec: TrainSpec,
    board: Any,
    watchdog: Watchdog,
    objective: Objective,
    engines: dict[str, Any],
    keeper: Keeper,
    first: int,
) -> bool:
    """All steps from ``first`` on; returns whether they were done to the last one."""
    rank, workers, steps = keeper.rank, keeper.workers, spec.stream.steps
    pulse = Pulse(spec.options.checkpoint, steps, watchdog.wish, is_first=rank == 0)
    watchdog.step_ended(first, "waiting for data")
    for step, batches in step_batches(spec, rank, workers, first, board):
        watchdog.enter("forward, backward and optimizer")
        metrics = train_step(engines, batches, rank, (spec.start.seed, step)) | padding(batches[0].batch)
        objective.after_step(step)
        done = step + 1
        is_logged = done % spec.options.log_every == 0 or done in (first + 1, steps)
        beat = pulse.beat(done, metrics["loss"], norms_of(engines, spec.options), at_once=is_logged)
        if beat.bad_step is not None:
            why = report_bad_loss(spec, beat.bad_step, beat.loss, rank, workers)
            if rank == 0:
                ray.get(board.give_up.remote(why))
            return False
        if is_logged:
            numbers = average(metrics) | dict(objective.diagnostics()) | rates(engines)
            if rank == 0:
                board.push.remote(Progress(done, steps, numbers))
        if beat.save:
            watchdog.enter("taking a checkpoint")
            keeper.save(done)
        watchdog.step_ended(done, "waiting for data")
        if beat.stop:
            keeper.wait()
            return False
    return True


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


def norms_of(engines: dict[str, Any], options: TrainingOptions) -> list[torch.Tensor | float]:
    """Norms of the last gradients, where DeepSpeed knows them and a bad one is a fault.

    In fp16 a gradient that overflows is skipped, and the loss scale sinks.
    """
    norms = [engine.get_global_grad_norm() for engine in engines.values()]
    return [] if options.precision == "fp16" else [norm for norm in norms if norm is not None]


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


def write_embedder(spec: TrainSpec, objective: Objective, engines: dict[str, Any], rank: int) -> None:
    """Consolidate the shards and write the embedder folder, complete or not at all."""
    weights = full_weights(objective, engines)
    if rank == 0:
        whole = spec.build()
        whole.load_state_dict(weights, strict=False)
        whole.eval()
        embedder = whole.embedder()
        embedder.lineage = spec.lineage
        partial = spec.embedder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        embedder.save(partial)
        shutil.rmtree(spec.embedder, ignore_errors=True)
        partial.rename(spec.embedder)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
