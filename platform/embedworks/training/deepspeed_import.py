"""DeepSpeed, imported without what only its autotuner reads: workers start about a second sooner.

``import deepspeed`` brings in its autotuner, which takes MLflow, and with it Polars, where they are
installed. Here MLflow is the driver's alone: a worker would read some 900 modules and use none.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(module: str) -> Iterator[None]:
    """Let imports within the block find that a module is not installed, unless it is there already."""
    hidden = module not in sys.modules
    if hidden:
        sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[module]


def is_news(record: logging.LogRecord) -> bool:
    """All but what DeepSpeed prints to the standard output wherever there is no GPU."""
    return "Setting accelerator to CPU" not in record.getMessage()


logging.getLogger("DeepSpeed").addFilter(is_news)
with absent("mlflow"):
    import deepspeed
    from deepspeed.runtime.fp16.unfused_optimizer import FP16_UnfusedOptimizer

# On CPUs DeepSpeed would compile, a minute long on every new machine, what only its inference calls.
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False

__all__ = ["FP16_UnfusedOptimizer", "deepspeed"]
