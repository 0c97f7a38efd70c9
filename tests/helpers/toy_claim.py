"""A claim of two arms that differ in nothing but their steps, and results for it that nothing has run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CLAIM = """
name: toy
title: Are more steps better?
paper: {{source: "arXiv 0000.00000", where: table 1, sentence: "2 against 1"}}
hypothesis: more steps are better
setting: tiny
stages:
  - name: left
    kind: train
    system: toy-pairs
    from: {tiny}
    corpus: {{source: {corpus}}}
    steps: 4
    batch_size: 16
    precision: fp32
    log_every: 1
    optimizer: {{learning_rate: 1e-3}}
  - {{name: merged, kind: merge, method: linear, models: [left, {tiny}], parameters: {{weight: [1, 1]}}}}
arms:
  half: {{role: baseline, about: half of the way, model: merged}}
  whole: {{role: system, about: all of the way, model: left}}
measures:
  near: {{task: python-docs-similarity, pairs: [[2, 16], [4, 32]]}}
  far: {{task: python-docs-similarity, pairs: [[4, 32]]}}
  loss: {{stage: left, metric: loss, last: 2}}
seeds: [1, 2, 3]
rule:
  premise:
    - {{measure: loss, of: whole, above: 0}}
  reproduced:
    - {{measure: near, of: whole, over: half, above: 0, by: interval}}
  not_reproduced:
    - {{measure: near, of: whole, over: half, at_most: 0}}
meaning: {{reproduced: more is better, not_reproduced: more is not better, inconclusive: who knows}}
profiles:
  long: {{about: long, set: {{left.steps: 9}}, arms: {{half: {{merged.parameters.weight: [1, 3]}}}}}}
"""


def write_claim(place: Path, tiny: Path | str = "./tiny", text: str = CLAIM, **values: Any) -> Path:
    """Fill in the claim and write it; returns the file."""
    file = place / "toy.claim.yaml"
    file.write_text(text.format(tiny=tiny, corpus=values.get("corpus", "./pairs")))
    return file


def measured(*values: float, folder: Path | None = None) -> dict[str, Any]:
    """What an arm's job gives, with a score at 2x16, 4x32 and so on."""
    scores = [
        {
            "task": "python-docs-similarity",
            "layers": 2 * (number + 1),
            "dimensions": 16 * (number + 1),
            "value": value,
            "others": {"twice": 2 * value},
        }
        for number, value in enumerate(values)
    ]
    given: dict[str, Any] = {"measured-left": {"scores": {"left": scores}}}
    return given | ({"left": {"embedder": str(folder / "embedder")}} if folder else {})
