"""The diagonal of the Fisher information of an embedder (Matena and Raffel, arXiv 2111.09832, section 3.2).

A sample is one anchor with its candidates, so the square is taken of every anchor's own gradient:
the squared gradient of a batch's mean is another, smaller thing. The anchors of a batch share one
forward pass, for each is ranked against the candidates of all; each has a backward pass of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from embedworks.merging.statistics.files import write_statistics
from embedworks.merging.statistics.probe import Probe, anchor_losses, open_for_measuring


def collect(model: Path, probe: Probe, out: Path) -> Path:
    """Measure ``F = mean over samples of (dL/dtheta)^2``, of every parameter's shape, in float32.

    Args:
        model: Folder of the embedder.
        probe: Samples, the loss's temperature, and whether the result is scaled to root mean square 1.
        out: The file that is written.
    """
    embedder = open_for_measuring(model)
    parameters = dict(embedder.encoder.named_parameters())
    squares = {name: torch.zeros_like(value, dtype=torch.float32) for name, value in parameters.items()}
    samples, total = 0, 0.0
    for batch in probe.batches(embedder):
        losses_B = anchor_losses(embedder, batch, probe.temperature)
        total += float(losses_B.detach().sum())
        samples += len(losses_B)
        for place, loss in enumerate(losses_B):
            slopes = torch.autograd.grad(
                loss,
                list(parameters.values()),
                retain_graph=place + 1 < len(losses_B),
                allow_unused=True,
            )
            for name, slope in zip(parameters, slopes, strict=True):
                if slope is not None:
                    squares[name].addcmul_(slope, slope)
    means = {name: square.div_(samples) for name, square in squares.items()}
    numbers = {"samples": samples, "loss": total / samples, **sizes(means)}
    if probe.equal_norm:
        means = {name: mean.div_(numbers["rms"]) for name, mean in means.items()}
    return write_statistics(means, numbers, out)


def sizes(means: Mapping[str, Tensor]) -> dict[str, float]:
    """Mean and root mean square over all elements of all tensors."""
    elements = sum(value.numel() for value in means.values())
    total = sum(float(value.double().sum()) for value in means.values())
    squared = sum(float(value.double().square().sum()) for value in means.values())
    return {"mean": total / elements, "rms": math.sqrt(squared / elements)}
