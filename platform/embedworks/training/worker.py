"""What runs in every Ray Train worker: restore, step, report, and at the end write the embedder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
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
from embedworks.training.ema import Average
from embedworks.training.engine import full_weights, start_engines
from embedworks.training.export import save_embedder
from embedworks.training.meter import Meter
from embedworks.training.options import TrainingOptions
from embedworks.training.precision import settled
from embedworks.training.progress import Points, Progress
from embedworks.training.pulse import Pulse, Wish
from embedworks.training.snapshots import Snapshots
from embedworks.training.spec import TrainSpec
from embedworks.training.step import train_step
from embedworks.training.stream import rank_batches, seek
from embedworks.training.watchdog import Watchdog

CUT_AHEAD = 2  # steps whose tensors wait


@dataclass(frozen=True)
class Run:
    """What a worker trains with.

    Attributes:
        spec: What to train.
        options: The spec's, as this hardware settles them.
        objective: What is minimised.
        engines: Phase -> its engine.
        average: Of the weights, if one is kept.
        keeper: Its checkpoints.
        snapshots: Weights for those who evaluate while it trains.
        meter: Its speed.
        watchdog: Knows where it is.
        board: The :class:`.Board` actor.
    """

    spec: TrainSpec
    options: TrainingOptions
    objective: Objective
    engines: dict[str, Any]
    average: Average | None
    keeper: Keeper
    snapshots: Snapshots
    meter: Meter
    watchdog: Watchdog
    board: Any


def train_worker(spec: TrainSpec, board: Any) -> None:
    """The whole life of one worker. ``board`` is the :class:`.Board` actor."""
    context = ray.train.get_context()
    rank, workers = context.get_world_rank(), context.get_world_size()
    if rank == 0:
        ray.get(board.begin.remote(workers))
    with Watchdog(board, rank, spec.options.hang_seconds) as watchdog:
        run = start_run(spec, board, watchdog, rank, workers)
        first = run.keeper.restore()
        if rank == 0:
            seek(board, spec.stream, workers, first)
        done = take_steps(run, first)
        if done is None:
            return
        watchdog.stand_at(done, "the last checkpoint")
        run.keeper.finish(done)
        watchdog.enter("writing the embedder")
        run.snapshots.finish()
        if spec.snapshots is None:
            write_embedder(spec, full_weights(run.objective, run.engines, run.average), rank)


def start_run(spec: TrainSpec, board: Any, watchdog: Watchdog, rank: int, workers: int) -> Run:
    """Build the objective and wrap it in engines. A collective."""
    torch.set_num_threads(spec.options.resources.threads or share_of_cores(spec.beside))
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
        tell=lambda text: board.note.remote(f"worker {rank}: {text}"),
    )
    snapshots = Snapshots(
        spec.snapshots, lambda: full_weights(objective, engines, ema), rank, spec.stream.steps
    )
    meter = Meter(objective, options, get_device())
    return Run(spec, options, objective, engines, ema, keeper, snapshots, meter, watchdog, board)


def share_of_cores(beside: int = 1) -> int:
    """Cores of this node for each worker of trainings that share it; Ray's CPUs need not be cores.

    More threads than cores do not only take turns: each product waits for the last of them.
    """
    cores = len(os.sched_getaffinity(0))
    return max(1, cores // (beside * int(ray.train.get_context().get_local_world_size())))


def take_steps(run: Run, first: int) -> int | None:
    """All steps from ``first`` on; returns how many are done, or None where training has to go on later."""
    spec, rank, workers, steps = run.spec, run.keeper.rank, run.keeper.workers, run.spec.stream.steps
    pulse = Pulse(run.options.checkpoint, steps, partial(wish, run), is_first=rank == 0)
    run.watchdog.stand_at(first, "waiting for data")
    run.snapshots.take(first)  # a kill may have come between a checkpoint and its snapshot
    for step, batches in run.meter.watched(step_batches(spec, rank, workers, first, run.board)):
        run.watchdog.enter("forward, backward and optimizer")
        metrics = train_step(run.engines, batches, rank, (spec.start.seed, step))
        if run.average:
            run.average.update()
        run.objective.after_step(step)
        done = step + 1
        is_logged = done % run.options.log_every == 0 or done in (first + 1, steps)
        is_seen = is_logged or run.snapshots.is_due(done)
        beat = pulse.beat(done, metrics["loss"], norms_of(run), at_once=is_seen)
        if beat.bad_step is not None:
            why = report_bad_loss(spec, beat.bad_step, beat.loss, rank, workers)
            if rank == 0:
                ray.get(run.board.give_up.remote(why))
            return None
        if is_logged:
            report(run, done, metrics)
        leave_state(run, done, save=beat.save)
        run.watchdog.step_ended(done, "waiting for data")
        if beat.stop:
            run.keeper.wait()
            return None
        if beat.finish:
            return done
    return steps


def wish(run: Run) -> Wish:
    """What this worker was told since it was last asked, by signals, by Ray, by the driver."""
    return replace(run.watchdog.wish(), finish=run.snapshots.should_finish())


def leave_state(run: Run, done: int, *, save: bool) -> None:
    """Take what the step asks for: a checkpoint, a snapshot. A collective."""
    if save:
        run.watchdog.enter("taking a checkpoint")
        run.snapshots.wait()  # or a checkpoint could be newer than a snapshot that is not there yet
        run.keeper.save(done)
    run.snapshots.take(done)


def report(run: Run, done: int, metrics: dict[str, torch.Tensor]) -> None:
    """Leave a point of the curves: beside the checkpoints, and for whoever watches. A collective."""
    numbers = average(metrics) | dict(run.objective.diagnostics()) | rates(run.engines) | run.meter.window()
    if run.keeper.rank == 0:
        event = Progress(done, run.spec.stream.steps, numbers, run.keeper.workers)
        Points(run.spec.checkpoints.parent).append(event)
        run.board.push.remote(event)


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


def average(metrics: dict[str, torch.Tensor]) -> dict[str, float]:
    """Means over all workers; a collective."""
    values = torch.stack([value.float() for value in metrics.values()])
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
        values /= torch.distributed.get_world_size()
    return dict(zip(metrics, values.tolist(), strict=True))


def norms_of(run: Run) -> list[torch.Tensor | float]:
    """Norms of the last gradients, where DeepSpeed knows them and a bad one is a fault.

    In fp16 a gradient that overflows is skipped, and the loss scale sinks.
    """
    norms = [engine.get_global_grad_norm() for engine in run.engines.values()]
    return [] if run.options.precision == "fp16" else [norm for norm in norms if norm is not None]


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


def write_embedder(spec: TrainSpec, weights: dict[str, torch.Tensor], rank: int) -> None:
    """Write the embedder folder, complete or not at all."""
    if rank == 0:
        save_embedder(spec, weights, spec.embedder)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
