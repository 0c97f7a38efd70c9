"""An objective round a tiny BERT, and a few steps of the real engine with it in this process."""

from __future__ import annotations

from typing import Any

import torch

from embedworks.objective import Objective, ObjectiveConfig, Start
from embedworks.training.batches import MicroBatch
from embedworks.training.engine import full_weights, start_engines
from embedworks.training.options import TrainingOptions
from embedworks.training.step import train_step
from helpers.tiny import tiny_model

STEPS = 3


class Encoded(Objective):
    """Vectors of texts that move towards a target."""

    def __init__(self, dropout=0.2):
        super().__init__(ObjectiveConfig(), Start())
        self.inner = tiny_model(layers=2, dropout=dropout)

    @classmethod
    def transform(cls, config, start):
        raise NotImplementedError

    def forward(self, batch):
        vectors = self.inner(batch["input_ids"], batch["attention_mask"])
        return {"loss": (vectors.float() - torch.linspace(-1, 1, 32)).square().sum(1).mean()}

    def embedder(self):
        return self.inner


def trained(objective: Encoded, **given: Any) -> dict[str, torch.Tensor]:
    """The weights after :data:`STEPS` steps."""
    options = TrainingOptions.model_validate(
        {"steps": STEPS, "precision": "fp32", "optimizer": {"learning_rate": 1e-2}} | given
    )
    engines = start_engines(objective.train(), options, STEPS, 1)
    batch = objective.inner.tokenize(["the cat", "a bird and a fish sing", "stone"])
    for step in range(STEPS):
        train_step(engines, (MicroBatch((3,), batch),), 0, (7, step))
    weights = full_weights(objective, engines)
    for engine in engines.values():
        engine.destroy()
    return weights
