"""How fast training is, measured in every worker between two logged points."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import psutil
import torch
from torch import nn

from embedworks.training.batches import MicroBatch
from embedworks.training.flops import count_work
from embedworks.training.options import TrainingOptions
from embedworks.training.peak import device_peak
from embedworks.transforms.transform import Batch

GIB = 2**30

Step = tuple[int, tuple[MicroBatch, ...]]


class Meter:
    """Measures windows of steps. All workers make one at the same time: what they share is shared then too.

    Args:
        objective: What is trained, with its frozen parameters frozen.
        options: Of the stage.
        device: This worker's.
    """

    def __init__(self, objective: nn.Module, options: TrainingOptions, device: torch.device) -> None:
        self._device = device
        self._work = count_work(objective, options.chunk_size is not None)
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
        self._peak = device_peak(device, options.precision) if self._work else None
        self._is_warm = False
        self._begin()

    def watched(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The same steps, counted, and the time that the loop waited for each."""
        source = iter(steps)
        while True:
            asked = time.perf_counter()
            step = next(source, None)
            self._waited += time.perf_counter() - asked
            if step is None:
                return
            self._count(step[1])
            yield step

    def window(self) -> dict[str, float]:
        """Numbers of the steps since the last call, over all workers; a collective.

        ``padding`` is a share of positions. Under ``speed/``: ``tokens_per_s`` (real ones) and
        ``samples_per_s`` of all workers together, ``step_s``, ``data_stall`` (the share of time that the
        loop waited for batches, its mean) and ``data_stall_max`` (the worst worker's), ``memory_gib`` (the
        largest worker's: resident on a CPU, the peak of allocations on a GPU), and ``mfu`` where the
        model's FLOPs and the device's peak are known. The first step, which waits for everything to
        start, gives no times.
        """
        rows = self._gathered()
        seconds = rows["seconds"].max()
        numbers = {"speed/memory_gib": rows["memory"].max() / GIB}
        if rows["positions"].sum() > 0:
            numbers["padding"] = 1 - rows["tokens"].sum() / rows["positions"].sum()
        if self._is_warm:
            stall = rows["waited"] / rows["seconds"]
            numbers |= {
                "speed/samples_per_s": self._samples / seconds,
                "speed/step_s": seconds / self._steps,
                "speed/data_stall": stall.mean(),
                "speed/data_stall_max": stall.max(),
            }
            if rows["tokens"].sum() > 0:
                numbers["speed/tokens_per_s"] = rows["tokens"].sum() / seconds
            if rows["flops"].min() > 0:
                numbers["speed/mfu"] = rows["flops"].sum() / (seconds * rows["peak"].sum())
        self._is_warm = True
        self._begin()
        return {name: float(value) for name, value in numbers.items()}

    def _begin(self) -> None:
        self._start = time.perf_counter()
        self._waited = 0.0
        self._steps = self._samples = self._positions = 0
        # Tokens and squared lengths stay on the device: reading them at every step would wait for it.
        self._lengths = torch.zeros(2, dtype=torch.int64, device=self._device)

    def _count(self, batches: Sequence[MicroBatch]) -> None:
        self._steps += 1
        for micro in batches:
            masks = attention_masks(micro.batch)
            held = [mask for chunk in micro.chunks for mask in attention_masks(chunk.batch)] or masks
            self._positions += sum(mask.numel() for mask in held)
            for mask in masks:
                lengths = mask.sum(-1)
                self._lengths += torch.stack([lengths.sum(), lengths.square().sum()])
            self._samples += sum(micro.samples)  # of all workers
            if any(value.ndim > 3 for value in micro.batch.values()):
                self._work = None  # pictures, of whose towers nothing is counted

    def _gathered(self) -> dict[str, torch.Tensor]:
        """``(W,)`` of each number, by worker."""
        tokens, squares = self._lengths.tolist()
        seconds = time.perf_counter() - self._start
        own = {
            "seconds": seconds,
            "waited": self._waited,
            "tokens": tokens,
            "positions": self._positions,
            "memory": memory(self._device),
            "flops": self._work.of(tokens, squares) if self._work and self._peak else 0,
            "peak": self._peak or 0,
        }
        row = torch.tensor(list(own.values()), dtype=torch.float64, device=self._device)
        rows = [row]
        if torch.distributed.is_initialized():
            rows = [torch.empty_like(row) for _ in range(torch.distributed.get_world_size())]
            torch.distributed.all_gather(rows, row)
        return dict(zip(own, torch.stack(rows).cpu().unbind(1), strict=True))


def attention_masks(batch: Batch) -> list[torch.Tensor]:
    """``(B, T)`` masks of a batch: 1 for tokens, 0 for padding."""
    return [mask for name, mask in batch.items() if name.endswith("mask")]


def memory(device: torch.device) -> int:
    """Bytes: resident on a CPU, the peak of allocations on a GPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)
