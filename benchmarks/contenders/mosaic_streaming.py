"""mosaicml-streaming: MDS shards, its own loader."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
from _contender import SHUFFLE_ROWS, WORKERS, Batch, Task, Texts, parse, run

NAME = "mosaicml-streaming"


def stand_in_for_torchvision() -> None:
    """Let ``streaming`` be imported where torchvision does not fit torch: only vision data needs it."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        for name in ("torchvision", "torchvision.datasets", "torchvision.transforms.functional"):
            sys.modules[name] = ModuleType(name)
            sys.modules[name].__spec__ = ModuleSpec(name, None)  # transformers asks for it
        sys.modules["torchvision.datasets"].VisionDataset = object  # type: ignore[attr-defined]
        sys.modules["torchvision.transforms.functional"].to_tensor = None  # type: ignore[attr-defined]


stand_in_for_torchvision()

from streaming import MDSWriter, StreamingDataLoader, StreamingDataset  # noqa: E402
from streaming.base.util import clean_stale_shared_memory  # noqa: E402


class Mosaic:
    """Uncompressed shards, which it reads fastest; tokenised where the batch is collated."""

    def __init__(self, task: Task) -> None:
        clean_stale_shared_memory()
        rows = StreamingDataset(
            local=str(task.converted(NAME)),
            shuffle=True,
            shuffle_seed=1,
            shuffle_block_size=SHUFFLE_ROWS,
            batch_size=task.batch_size,
        )
        self.loader = StreamingDataLoader(
            rows,
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


def convert(task: Task) -> None:
    """Parquet to MDS shards."""
    columns = {"query": "str", "positive": "str"}
    with MDSWriter(out=str(task.converted(NAME)), columns=columns) as writer:
        for file in sorted(task.data.glob("train-*.parquet")):
            for row in pq.read_table(file).to_pylist():
                writer.write(row)


if __name__ == "__main__":
    run(NAME, parse(), Mosaic, ("mosaicml-streaming", "torch", "tokenizers"), convert)
