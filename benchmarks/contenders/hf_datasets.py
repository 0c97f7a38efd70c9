"""A torch DataLoader over Hugging Face datasets' streaming of the same parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from _contender import SHUFFLE_ROWS, WORKERS, Batch, Task, Texts, parse, run
from datasets import load_dataset
from torchdata.stateful_dataloader import StatefulDataLoader


class Streaming:
    """Shuffled in a buffer in each worker process, tokenised where the batch is collated.

    Tokenising in a batched ``map`` was slower: each row goes through Python once more.
    """

    def __init__(self, task: Task) -> None:
        files = sorted(map(str, task.data.glob("train-*.parquet")))
        rows = load_dataset("parquet", data_files=files, split="train", streaming=True)
        self.loader = StatefulDataLoader(
            rows.shuffle(seed=1, buffer_size=SHUFFLE_ROWS // WORKERS),
            batch_size=task.batch_size,
            num_workers=WORKERS,
            collate_fn=Texts(task.tokenizer).collate,
            prefetch_factor=4,
            snapshot_every_n_steps=task.batch_size if task.measure == "rate" else 1,
        )

    def batches(self) -> Iterator[Batch]:
        """Ready batches of one epoch."""
        return iter(self.loader)

    def state(self) -> Any:
        """The loader's state."""
        return self.loader.state_dict()

    def resume(self, state: Any) -> None:
        """Go on from there."""
        self.loader.load_state_dict(state)


if __name__ == "__main__":
    run("hf-datasets", parse(), Streaming, ("datasets", "torchdata", "torch", "tokenizers"))
