"""A process group of one, for tests of engines in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch.distributed as dist


@pytest.fixture(scope="session")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process group of this process alone: one for all, since DeepSpeed keeps groups that it made."""
    os.environ |= {"DS_ACCELERATOR": "cpu", "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29597"}
    dist.init_process_group(
        "gloo", init_method=f"file://{tmp_path_factory.mktemp('group')}/store", rank=0, world_size=1
    )
    import deepspeed

    deepspeed.init_distributed("gloo", dist_init_required=False)
    yield
    dist.destroy_process_group()


@pytest.fixture
def alone(group: None, tmp_path: Path) -> Path:
    """A folder for a run of this process alone."""
    return tmp_path
