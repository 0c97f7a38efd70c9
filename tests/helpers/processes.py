"""Workers of a test as processes of their own, without each importing PyTorch and DeepSpeed anew."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

import torch.multiprocessing as mp

IMPORTED = ["embedworks.training.engine", "pytest"]


def start(worker: Callable[..., None], arguments: tuple[Any, ...], processes: int) -> None:
    """Run ``worker(rank, *arguments)`` in as many processes, and raise what one of them raises.

    They are forks of one process, which is started by the first test that asks and has imported the most
    that a worker needs; it has no threads or tensors that a fork could miss.
    """
    multiprocessing.set_forkserver_preload(IMPORTED)
    mp.start_processes(worker, args=arguments, nprocs=processes, start_method="forkserver")
