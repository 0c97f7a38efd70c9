"""From the weights of an objective to the embedder folder that it trains."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from embedworks.training.lora import add_lora, fold_lora
from embedworks.training.spec import TrainSpec


def save_embedder(spec: TrainSpec, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Write the embedder folder, complete or not at all.

    Args:
        spec: What is trained.
        weights: Every parameter of the objective, whole.
        folder: Where the embedder goes, in place of what is there.
    """
    whole = spec.build()
    add_lora(whole, spec.options.lora)
    whole.load_state_dict(weights, strict=False)
    fold_lora(whole, spec.options.lora)
    whole.eval()
    embedder = whole.embedder()
    embedder.lineage = spec.lineage
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    embedder.save(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
