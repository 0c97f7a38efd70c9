"""One optimizer step of every phase: at once, over micro-batches, or in chunks with cached gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from embedworks.losses.gather import samples_of_workers
from embedworks.objective import Losses, Vectors, split_losses
from embedworks.training.batches import Chunk, MicroBatch
from embedworks.transforms.transform import Batch

# Shape legend: N samples of this worker in a micro-batch, n of a chunk, k rows a sample.

Seed = tuple[int, ...]


class Part(nn.Module):
    """A phase as an engine wraps it: whatever is run on it goes through one ``forward``.

    DeepSpeed's hooks are on the forward of the module it was given; ZeRO 3 gathers parameters in them.
    """

    def __init__(self, phase: nn.Module) -> None:
        super().__init__()
        self.phase = phase

    def forward(self, run: Callable[[Any], Any]) -> Any:
        """What ``run`` returns for the phase."""
        return run(self.phase)


def train_step(
    engines: Mapping[str, Any], micro_batches: Sequence[MicroBatch], rank: int, seed: Seed
) -> dict[str, Tensor]:
    """One step of every phase in turn.

    Every micro-batch counts by its samples, and so does every worker's part of it. With that, sums over
    micro-batches and averages over workers are averages over samples.

    Args:
        engines: Name of a phase -> its engine, whose module is a :class:`Part`.
        micro_batches: This worker's parts of the global batch.
        rank: This worker.
        seed: Of the step. The random state is set from it and the rank anew for each micro-batch and
            chunk: dropout is the same however often the job was restarted, the same when a chunk is
            represented again, and no random state has to be saved.

    Returns:
        Name -> loss, detached, weighed by this worker's samples: averages over workers are the step's.
    """
    total = sum(sum(micro.samples) for micro in micro_batches)
    carried: list[Batch] = [micro.batch for micro in micro_batches]
    metrics: dict[str, Tensor] = {}
    for name, engine in engines.items():
        prefix = f"{name}/" if len(engines) > 1 else ""
        for number, micro in enumerate(micro_batches):
            weight = micro.samples[rank] * len(micro.samples) / total
            is_last = number == len(micro_batches) - 1
            with samples_of_workers(micro.samples):
                run = Backward(engine, weight, (*seed, rank, number), is_last)
                given = run.chunked(micro) if micro.chunks else run.whole(carried[number])
            losses, tensors = split_losses(given)
            carried[number] = carried[number] | tensors
            for key, value in losses.items():
                part = value.detach().float() * weight
                metrics[prefix + key] = metrics[prefix + key] + part if prefix + key in metrics else part
        engine.step()
    if len(engines) > 1:
        metrics["loss"] = torch.stack([metrics[f"{name}/loss"] for name in engines]).sum()
    return metrics


class Backward:
    """The backward passes of one micro-batch of one phase.

    Args:
        engine: The phase's.
        weight: On the loss.
        seed: Of this micro-batch on this worker.
        is_last: Whether the engine may step behind it.
    """

    def __init__(self, engine: Any, weight: float, seed: Seed, is_last: bool) -> None:
        self.engine = engine
        self.weight = weight
        self.seed = seed
        self.is_last = is_last

    def whole(self, batch: Batch) -> Losses:
        """Forward and backward of all samples at once."""
        self._boundary(self.is_last)
        seed_draws(*self.seed)
        losses: Losses = self.engine(lambda phase: phase(batch))
        self.engine.backward(losses["loss"] * self.weight)
        return losses

    def chunked(self, micro: MicroBatch) -> Losses:
        """The same gradient with one chunk's graph at a time; see :class:`.ChunkedObjective`."""
        with torch.no_grad():
            parts = [self._represent(number, chunk) for number, chunk in enumerate(micro.chunks)]
        order_N = torch.cat([chunk.samples_n for chunk in micro.chunks])
        cached = {key: restored([part[key] for part in parts], order_N) for key in parts[0]}
        losses, scale = self._compare(cached, micro.batch)
        for number, chunk in enumerate(micro.chunks):
            self._boundary(self.is_last and number == len(micro.chunks) - 1)
            again = self._represent(number, chunk)
            self.engine.backward(surrogate(again, cached, chunk.samples_n, len(order_N)) / scale)
        return losses

    def _compare(self, cached: Vectors, batch: Batch) -> tuple[Losses, Tensor]:
        """The losses, with their gradient left at the cached vectors, and the engine's loss scale."""
        self._boundary(False)
        for vectors in cached.values():
            vectors.requires_grad_()
        one = torch.zeros((), requires_grad=True, device=next(iter(cached.values())).device)
        seed_draws(*self.seed)
        losses: Losses = self.engine(lambda phase: phase.compare(cached, batch))
        # A summand whose gradient is what fp16's loss scaling multiplies by.
        self.engine.backward(losses["loss"] * self.weight + one)
        assert one.grad is not None
        return losses, one.grad

    def _represent(self, number: int, chunk: Chunk) -> Vectors:
        seed_draws(*self.seed, number)
        vectors: Vectors = self.engine(lambda phase: phase.represent(chunk.batch))
        return vectors

    def _boundary(self, is_last: bool) -> None:
        self.engine.set_gradient_accumulation_boundary(is_last)


def restored(parts: Sequence[Tensor], order_N: Tensor) -> Tensor:
    """Rows of all chunks in the order of the samples: ``(N * k, ...)``, apart from any graph."""
    rows = torch.cat(list(parts)).float()
    grouped = rows.reshape(len(order_N), -1, *rows.shape[1:])
    whole = torch.empty_like(grouped)
    whole[order_N.to(rows.device)] = grouped
    return whole.reshape(rows.shape)


def surrogate(vectors: Vectors, cached: Vectors, samples_n: Tensor, samples: int) -> Tensor:
    """A scalar whose gradient at a chunk's vectors is the one that is cached for them."""
    total = []
    for key, rows in vectors.items():
        gradient = cached[key].grad
        if gradient is None or not rows.requires_grad:
            continue
        grouped = gradient.reshape(samples, -1, *gradient.shape[1:])
        mine = grouped[samples_n.to(gradient.device)].reshape(rows.shape)
        total.append((rows.float() * mine).sum())
    return torch.stack(total).sum()


def seed_draws(*seed: int) -> None:
    """Set torch's random state, on every device, from a few numbers."""
    torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1))
