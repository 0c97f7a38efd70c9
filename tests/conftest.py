"""Fixtures of the whole suite: one Ray cluster a session, and a tiny embedder on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from helpers.alone import alone, group
from helpers.clusters import local_cluster
from helpers.tiny import tiny_embedder

__all__ = ["alone", "group"]

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
settings.register_profile("untimed", deadline=None)  # a busy machine must not fail a test
settings.load_profile("untimed")
torch.set_num_threads(1)  # tiny tensors: more threads only wait for each other


# Files of tests/integration that look at one finished job, which is made once a process.
LOOK_AT_ONE_JOB = {"test_embed_images.py", "test_evaluation_during_training.py", "test_jobs_run.py"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process; those on Ray, which take longest, come first and in two."""
    for item in items:
        group = str(item.path)
        if is_integration(item):
            group = "one job" if item.path.name in LOOK_AT_ONE_JOB else "other jobs"
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: not is_integration(item))


def is_integration(item: pytest.Item) -> bool:
    """Whether a test needs a Ray cluster for most of what it does."""
    return "integration" in item.path.parts


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """A local Ray node with enough logical CPUs for two workers, their stream and a replica."""
    with local_cluster() as address:
        yield address


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved embedder of 4 layers and 32 dimensions."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_embedder(folder, layers=4, width=32)
    return folder
