"""litdata: its own chunks, its own loader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
from _contender import WORKERS, Batch, Task, Texts, parse, run
from litdata import StreamingDataLoader, StreamingDataset, optimize

NAME = "litdata"


class Litdata:
    """Chunks of 64 MB, shuffled; tokenised where the batch is collated."""

    def __init__(self, task: Task) -> None:
        self.loader = StreamingDataLoader(
            StreamingDataset(str(task.converted(NAME)), shuffle=True, seed=1),
            batch_size=task.batch_size,
            num_workers=WORKERS,
            collate_fn=Texts(task.tokenizer).collate,
            prefetch_factor=4,
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


def rows_of(file: str) -> Iterator[dict[str, str]]:
    """A shard's rows."""
    for batch in pq.ParquetFile(file).iter_batches():
        yield from batch.to_pylist()


def convert(task: Task) -> None:
    """Parquet to chunks."""
    optimize(
        rows_of,
        sorted(map(str, task.data.glob("train-*.parquet"))),
        str(task.converted(NAME)),
        chunk_bytes="64MB",
        num_workers=WORKERS,
        verbose=False,
    )


if __name__ == "__main__":
    run(NAME, parse(), Litdata, ("litdata", "torch", "tokenizers"), convert)
