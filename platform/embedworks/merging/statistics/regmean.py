"""Gram matrices of the inputs of an embedder's linear layers (Jin et al., arXiv 2212.09849, section 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from embedworks.embedder import Embedder
from embedworks.merging.statistics.files import write_statistics
from embedworks.merging.statistics.probe import Probe, open_for_measuring

# Shape legend: B texts, T tokens, R rows of real tokens, I inputs of a layer.


class Grams:
    """Sums ``X^T X`` of every ``nn.Linear`` of an encoder by hooks, without padding.

    Attributes:
        by_name: Name of a layer's weight -> ``(I, I)`` float32.
        rows: Tokens that were seen.
    """

    def __init__(self, encoder: nn.Module) -> None:
        self.by_name: dict[str, Tensor] = {}
        self.rows = 0
        self._mask = torch.empty(0)
        self._last: tuple[Tensor, Tensor] | None = None
        for name, layer in encoder.named_modules():
            if isinstance(layer, nn.Linear):
                layer.register_forward_pre_hook(self._hook(f"{name}.weight"))

    def observe(self, embedder: Embedder, ids_BT: Tensor, mask_BT: Tensor) -> None:
        """Add a batch of texts."""
        self._mask, self._last = mask_BT.bool(), None
        self.rows += int(mask_BT.sum())
        embedder(ids_BT, mask_BT)
        self._last = None

    def _hook(self, name: str) -> Any:
        def add(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            gram_II = self._gram(inputs[0])
            known = self.by_name.get(name)
            self.by_name[name] = gram_II.clone() if known is None else known.add_(gram_II)

        return add

    def _gram(self, x: Tensor) -> Tensor:
        # Queries, keys and values read one tensor: its product is taken once.
        if self._last is not None and self._last[0] is x:
            return self._last[1]
        real_RI = x[self._mask] if x.shape[:2] == self._mask.shape else x.reshape(-1, x.shape[-1])
        gram_II = real_RI.float().T @ real_RI.float()
        self._last = (x, gram_II)
        return gram_II


@torch.no_grad()
def collect(model: Path, probe: Probe, out: Path) -> Path:
    """Measure ``G = X^T X`` of every linear layer, over queries and candidates.

    Args:
        model: Folder of the embedder.
        probe: Samples; its temperature plays no part.
        out: The file that is written.
    """
    embedder = open_for_measuring(model)
    grams = Grams(embedder.encoder)
    for batch in probe.batches(embedder):
        for side in ("query", "candidate"):
            grams.observe(embedder, batch[f"{side}_ids"], batch[f"{side}_mask"])
    numbers = {"tokens": grams.rows, "layers": len(grams.by_name)}
    return write_statistics(grams.by_name, numbers, out)
