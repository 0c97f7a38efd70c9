"""A fourth system that only the tests know, and a job with every kind of stage that uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedworks.jobs.load import load_job
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.runner import check_job, run_job

# A whole system: what one would put at systems/toy_family/toy_pairs.py.
TOY = '''
"""Toy pairs: pull each query towards its positive."""
from pathlib import Path
import torch
from embedworks.losses.contrastive import in_batch_loss
from embedworks.objective import Objective, ObjectiveConfig
from embedworks.transforms.pairs import PairTransform

class ToyPairs(Objective):
    title = "Toy pairs"

    class Config(ObjectiveConfig):
        fail_at: int = -1  # raise once after this step
        mark: str = ""

    def __init__(self, config, start):
        super().__init__(config, start)
        self.model = start.embedder()

    @classmethod
    def transform(cls, config, start):
        lengths = {"query_length": 8, "positive_length": 16, "max_length": start.max_length}
        return PairTransform(start.tokenizer, **lengths)

    def forward(self, batch):
        query = self.model(batch["query_ids"], batch["query_mask"])
        positive = self.model(batch["candidate_ids"], batch["candidate_mask"])
        return {"loss": in_batch_loss(query, positive, temperature=0.1).loss}

    def after_step(self, step):
        if step == self.config.fail_at and not Path(self.config.mark).exists():
            Path(self.config.mark).touch()
            raise RuntimeError("the worker dies here, once")

    def embedder(self):
        return self.model
'''

JOB = """
name: {name}
output: {root}/runs
tracking: {{uri: "sqlite:///{root}/mlflow.db"}}
seed: 3
stages:
  - name: left
    kind: train
    system: toy-pairs
    from: {tiny}
    corpus: {{source: {corpus}}}
    objective: {{fail_at: {fail_at}, mark: {root}/failed}}
    steps: 6
    batch_size: 16
    workers: 2
    zero: {zero}
    precision: fp32
    checkpoint: {{every: 2}}
    log_every: 1
    optimizer: {{learning_rate: 1e-3}}
"""

REST = """
  - {{name: average, kind: merge, method: linear, models: [left, {tiny}], parameters: {{weight: 1}}}}
  - {{name: searched, kind: merge, method: self-positioning, base: {tiny}, models: [left],
      parameters: {{query_length: 8, positive_length: 16}}, probe: {{source: {corpus}}},
      steps: 2, batch_size: 16, workers: 2, precision: fp32}}
  - {{name: scores, kind: evaluate, models: [left, average, searched], tasks: [python-docs-similarity],
      pairs: [[2, 16], [4, 32]]}}
  - {{name: best, kind: register, from: scores, model: toy, metric: mean}}
  - {{name: vectors, kind: embed, model: best, corpus: {{source: {corpus}, split: test}}, column: query}}
"""


def write_job(place: Path, tiny: Path, text: str, **values: Any) -> Path:
    """Fill in a job's text and write it; returns the file."""
    values = {"root": place, "tiny": tiny, "corpus": place / "pairs", "zero": 1, "fail_at": -1, **values}
    file = place / f"{values['name']}.yaml"
    file.write_text(text.format(**values))
    return file


def run(place: Path, tiny: Path, text: str, *, fresh: bool = False, **values: Any) -> dict[str, Any]:
    """Run a job in this process; returns stage -> result."""
    loaded = load_job(write_job(place, tiny, text, **values))
    check_job(loaded)
    return run_job(loaded, Reporter(), fresh=fresh)
