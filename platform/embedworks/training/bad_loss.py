"""A loss or gradient that is not finite: the step's samples, in a file beside the checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch.distributed as dist

from embedworks.corpora.atomic import new_file
from embedworks.training.spec import TrainSpec
from embedworks.training.stream import StreamSpec

FILE = "bad-loss-step-{:08d}.json"


def report_bad_loss(spec: TrainSpec, step: int, loss: float, rank: int, workers: int) -> str:
    """Write the file and return what to say. A collective.

    Args:
        spec: What is trained.
        step: Steps that were done when the loss was bad.
        loss: This worker's.
        rank: This worker.
        workers: How many there are.

    Returns:
        A line that names step, losses and file; empty on all workers but the first.
    """
    losses: list[Any] = [loss]
    if workers > 1:
        losses = [None] * workers
        dist.all_gather_object(losses, loss)
    if rank:
        return ""
    file = spec.checkpoints.parent / FILE.format(step)
    write_samples(file, spec.stream, step, losses)
    bad = [f"{one} on worker {number}" for number, one in enumerate(losses) if one - one != 0]
    what = (
        f"the loss of step {step} is {', '.join(bad)}"
        if bad
        else f"the gradient of step {step} is not finite"
    )
    return f"{what}; the step's samples are in {file}"


def write_samples(file: Path, stream: StreamSpec, step: int, losses: list[float]) -> None:
    """Write each worker's loss, and where every sample of the step comes from.

    A worker's samples are every W-th one of the plan's batch; so the plan names them, whatever became of
    the rows.
    """
    batch = stream.plan.batch(step - 1)
    samples = [
        {
            "worker": place % len(losses),
            "corpus": str(stream.corpora[source].folder),
            "split": stream.corpora[source].split,
            "row": int(row),
            "epoch": int(epoch),
        }
        for place, (source, epoch, row) in enumerate(zip(batch.source, batch.epoch, batch.row, strict=True))
    ]
    # As text: JSON has no words for what is not a number.
    noted = {"step": step, "losses": [str(loss) for loss in losses], "samples": samples}
    file.parent.mkdir(parents=True, exist_ok=True)
    with new_file(file) as partial:
        partial.write_text(json.dumps(noted, indent=1))
