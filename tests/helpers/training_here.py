"""Training without Ray: the plan's batches and the worker's step, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from embedworks.training.batches import Cutter, MicroBatch
from embedworks.training.export import save_embedder
from embedworks.training.optimizers.groups import freeze
from embedworks.training.progress import Progress
from embedworks.training.spec import TrainSpec
from embedworks.training.step import Part, train_step


class PlainEngine:
    """What a step asks of DeepSpeed, by an optimizer of torch."""

    def __init__(self, phase: torch.nn.Module) -> None:
        self.module = Part(phase)
        self.optimizer = torch.optim.AdamW([w for w in phase.parameters() if w.requires_grad], lr=1e-4)

    def __call__(self, run: Callable[[Any], Any]) -> Any:
        return self.module(run)

    def set_gradient_accumulation_boundary(self, _is_last: bool) -> None:
        """Gradients add up until :meth:`step`."""

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()

    def step(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()


def train_here(spec: TrainSpec, _work: Path, listen: Callable[[Progress], None], *_: Any) -> None:
    """In place of :func:`embedworks.training.loop.train`: all steps, and the embedder at the end."""
    objective = spec.build()
    objective.train()
    engines = {}
    for name, phase in objective.phases().items():
        freeze(objective, spec.options.of_phase(name).optimizer.groups, phase)
        engines[name] = PlainEngine(phase)
    for step, given in enumerate(batches(spec)):
        metrics = train_step(engines, given, 0, (spec.start.seed, step))
        objective.after_step(step)
        listen(Progress(step + 1, spec.stream.steps, {key: float(v) for key, v in metrics.items()}))
    save_embedder(spec, objective.state_dict(), spec.embedder)


def batches(spec: TrainSpec) -> Iterator[tuple[MicroBatch, ...]]:
    """What the only worker is given at each step."""
    stream, options = spec.stream, spec.options
    cut = Cutter(stream.transform, 0, 1, options.accumulate, options.chunk_size)
    for step in range(stream.steps):
        yield cut(stream.read(stream.plan.batch(step)), stream.plan.size(step))
