"""Fixtures of the whole suite: one Ray cluster a session, and a tiny embedder on disk."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from threadpoolctl import threadpool_limits

from embedworks.cli.ray_session import prepare_environment
from helpers.alone import alone, group
from helpers.clusters import local_cluster
from helpers.ports import use_own_ports
from helpers.tiny import tiny_embedder

__all__ = ["alone", "group"]

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Nice by default, they would starve beside the unit tests, and tests on Ray take longest.
os.environ.setdefault("RAY_worker_niceness", "0")
use_own_ports()
prepare_environment()  # before a test imports Ray, whose parts would disagree otherwise
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background; some tests press Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("untimed", deadline=None)  # a busy machine must not fail a test
settings.load_profile("untimed")
torch.set_num_threads(1)  # tiny tensors: more threads only wait for each other
# As in Ray's workers: products by another number of threads may differ by 1e-7.
threadpool_limits(1, "blas")


# Files of tests/integration that one process runs: about half of the time. The first three look at one
# finished job, which is made once a process.
HALF = {
    "test_embed_on_ray.py",
    "test_evaluation_during_training.py",
    "test_jobs_run.py",
    "test_claim_on_ray.py",
    "test_search_trials.py",
    "test_serving_chaos.py",
    "test_stream.py",
}


def group_of(nodeid: str) -> str:
    """The tests that are run by one process: a file's; of those on Ray, which take longest, one of two."""
    path = nodeid.split("::")[0]
    if not is_integration(path):
        return path
    return "one half" if Path(path).name in HALF else "other half"


def is_integration(path: str) -> bool:
    """Whether a file's tests need a Ray cluster for most of what they do."""
    return "integration/" in path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: not is_integration(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share tests out by :func:`group_of`."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)


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
