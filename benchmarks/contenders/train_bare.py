"""The limit: the same mathematics in a plain loop, without Ray, DeepSpeed, a stream or a save."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.parquet as pq
import torch
from _training import CLIP, LEARNING_RATE, SEED, Clock, Task, parse
from torch import Tensor, nn

from embedworks.objective import Objective, Start
from embedworks.systems.text_embedding.starbucks import Starbucks
from embedworks.transforms.transform import Batch


def objective(task: Task) -> Objective:
    """In-batch ranking of cosines with mean pooling, at full size alone."""
    start = Start(base=task.model, seed=SEED)
    full = start.embedder().full_pair
    config = Starbucks.Config.model_validate(
        {
            "form": "sts",
            "pairs": [full],
            "kl_weight": 0,
            "hard_negatives": 0,
            "query_length": task.length,
            "positive_length": task.length,
        }
    )
    torch.manual_seed(SEED)
    return Starbucks(config, start)


def batches(task: Task, trained: Objective) -> Iterator[Batch]:
    """Every step's tensors, made before the clock starts."""
    transform = type(trained).transform(trained.config, trained.start)
    table = pq.read_table(task.pairs)
    order = torch.randperm(len(table), generator=torch.Generator().manual_seed(SEED))
    rows = transform(table.take(order[: task.steps * task.batch_size].numpy()))
    ready = [
        transform.collate(rows.slice(step * task.batch_size, task.batch_size)) for step in range(task.steps)
    ]
    yield from ready


class Masters:
    """AdamW in float32 over a module that may compute in bfloat16."""

    def __init__(self, module: nn.Module, precision: str, steps: int) -> None:
        self.low = list(module.parameters())
        self.high = [p.detach().float().clone().requires_grad_() for p in self.low]
        if precision == "bf16":
            module.bfloat16()
        decayed = [p for p in self.high if p.ndim >= 2]
        rest = [p for p in self.high if p.ndim < 2]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda done: 1 - done / steps)

    def step(self, loss: Tensor) -> None:
        """Backward, clip, update, and back to the module."""
        loss.backward()
        for low, high in zip(self.low, self.high, strict=True):
            high.grad = None if low.grad is None else low.grad.float()
            low.grad = None
        nn.utils.clip_grad_norm_(self.high, CLIP)
        self.optimizer.step()
        self.schedule.step()
        with torch.no_grad():
            for low, high in zip(self.low, self.high, strict=True):
                low.copy_(high)


def main(task: Task) -> None:
    """Train and print."""
    trained = objective(task).train()
    ready = list(batches(task, trained))
    masters, clock = Masters(trained, task.precision, task.steps), Clock(task)
    for done, batch in enumerate(ready, 1):
        loss = trained(batch)["loss"]
        masters.step(loss)
        clock.step(done)
    tokens = sum(int(batch[f"{side}_mask"].sum()) for batch in ready for side in ("query", "candidate"))
    trained.eval().float()
    trained.embedder().save(task.out)
    clock.result("bare loop", tokens_per_pair=tokens / len(ready) / task.batch_size, loss=float(loss))


if __name__ == "__main__":
    main(parse())
