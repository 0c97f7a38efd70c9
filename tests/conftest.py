"""Fixtures of the whole suite: one Ray cluster a session, and a tiny embedder on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from helpers.alone import alone, group
from helpers.tiny import tiny_embedder

__all__ = ["alone", "group"]

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
settings.register_profile("untimed", deadline=None)  # a busy machine must not fail a test
settings.load_profile("untimed")
torch.set_num_threads(1)  # tiny tensors: more threads only wait for each other


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """A local Ray node with enough logical CPUs for two workers, their stream and a replica."""
    import ray

    from embedworks.cli.ray_session import connect

    yield connect("local", cpus=6)
    ray.shutdown()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved embedder of 4 layers and 32 dimensions."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_embedder(folder, layers=4, width=32)
    return folder
