"""What runs in every Ray Train worker: restore, step, report, and at the end write the embedder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import ray
import ray.train
import torch
from ray.train.torch import get_device

from embedworks.losses.gather import samples_of_workers
from embedworks.objective import Objective, run_modules
from embedworks.training.engine import full_weights, start_engines
from embedworks.training.progress import Progress
from embedworks.training.spec import TrainSpec
from embedworks.training.stream import rank_batches, samples_of_ranks, seek
from embedworks.transforms.transform import Batch

STATE = "state.json"


def train_worker(spec: TrainSpec, board: Any) -> None:
    """The whole life of one worker. ``board`` is the :class:`.Board` actor."""
    context = ray.train.get_context()
    rank, workers = context.get_world_rank(), context.get_world_size()
    objective = spec.build().to(get_device())
    objective.train()
    engines = start_engines(objective, spec.options, spec.stream.steps, workers)
    first = restore(engines)
    if rank == 0:
        seek(board, spec.stream, workers, first)
    for step, batch in batches(spec, rank, workers, first, board):
        samples = samples_of_ranks(spec.stream.plan.size(step), workers)
        share = samples[rank] * workers / sum(samples)
        with samples_of_workers(samples):
            metrics = train_step(engines, batch, (spec.start.seed, step, rank), share) | padding(batch)
        objective.after_step(step)
        done = step + 1
        if done % spec.options.log_every == 0 or done in (first + 1, spec.stream.steps):
            numbers = average(metrics) | dict(objective.diagnostics()) | rates(engines)
            check_finite(numbers, done)
            if rank == 0:
                board.push.remote(Progress(done, spec.stream.steps, numbers))
        every = spec.options.checkpoint.every
        if done == spec.stream.steps or (every and done % every == 0):
            save(engines, done)
    write_embedder(spec, objective, rank)


def batches(
    spec: TrainSpec, rank: int, workers: int, first: int, board: Any
) -> Iterator[tuple[int, Batch]]:
    """(step, batch on this worker's device), from the step at which the worker group starts."""
    if first >= spec.stream.steps:
        return
    device = get_device()
    stream = ray.train.get_dataset_shard("train")
    for step, table in rank_batches(stream, spec.stream, rank, workers, first, board):
        batch = spec.stream.transform.collate(table)
        yield step, {key: value.to(device, non_blocking=True) for key, value in batch.items()}


def train_step(
    engines: dict[str, Any], batch: Batch, seed: tuple[int, ...], share: float = 1.0
) -> dict[str, torch.Tensor]:
    """One step of every phase in turn; returns its losses, detached and weighed by ``share``.

    ``share`` is this worker's samples against the mean of all workers; with it, averages over workers
    are averages over samples.

    The random state is set from (seed, step, rank), so dropout and sampling are the same however
    often the job was restarted, and no random state has to be saved.
    """
    torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1))
    metrics: dict[str, torch.Tensor] = {}
    for name, losses in run_modules(engines, batch):
        engine = engines[name]
        engine.backward(losses["loss"] * share)
        engine.step()
        prefix = f"{name}/" if len(engines) > 1 else ""
        metrics |= {prefix + key: value.detach() * share for key, value in losses.items()}
    if len(engines) > 1:
        metrics["loss"] = torch.stack([metrics[f"{name}/loss"] for name in engines]).sum()
    return metrics


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


def save(engines: dict[str, Any], step: int) -> None:
    """Report a sharded checkpoint: every worker writes its part, Ray Train merges them."""
    folder = Path(tempfile.mkdtemp(prefix="embedworks-checkpoint-"))
    for name, engine in engines.items():
        engine.save_checkpoint(str(folder / name), tag="engine", save_latest=False)
    (folder / STATE).write_text(json.dumps({"step": step}))
    checkpoint = ray.train.Checkpoint.from_directory(folder)
    ray.train.report({"step": step}, checkpoint=checkpoint, checkpoint_dir_name=f"step-{step:08d}")
    shutil.rmtree(folder, ignore_errors=True)


def restore(engines: dict[str, Any]) -> int:
    """Load the newest checkpoint of this run, if there is one; returns the step to go on with.

    DeepSpeed's checkpoints are pickles. These are this run's own, under its own storage path.
    """
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return 0
    with checkpoint.as_directory() as folder:
        for name, engine in engines.items():
            engine.load_checkpoint(str(Path(folder) / name), tag="engine")
        step = int(json.loads((Path(folder) / STATE).read_text())["step"])
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
    return step


def write_embedder(spec: TrainSpec, objective: Objective, rank: int) -> None:
    """Consolidate the shards and write the embedder folder, complete or not at all."""
    weights = full_weights(objective)
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
