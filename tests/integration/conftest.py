"""One finished job that the integration tests look at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from embedworks.folder import weights_digest
from helpers.pairs import pair_corpus
from helpers.toy_job import JOB, REST, TOY, run
from helpers.troubled import run_troubled, troubled_job, write_troubled


@pytest.fixture(scope="package")
def place(tmp_path_factory) -> Path:
    """A folder with a corpus and, on EMBEDWORKS_PATH, the toy system."""
    root = tmp_path_factory.mktemp("job")
    pair_corpus(root / "pairs")
    family = root / "embedworks" / "systems" / "toy_family"
    family.mkdir(parents=True)
    (family / "toy_pairs.py").write_text(TOY)
    os.environ["EMBEDWORKS_PATH"] = str(root)
    yield root
    del os.environ["EMBEDWORKS_PATH"]


@pytest.fixture(scope="package")
def whole(ray_cluster, place, tiny_folder) -> dict[str, Any]:
    """The job's results."""
    # Its two merges wait for one stage, and run side by side.
    text = JOB.replace("stages:", "parallel: 2\nstages:", 1)
    return run(place, tiny_folder, text + REST, name="whole")


@pytest.fixture(scope="package")
def trouble(ray_cluster, place) -> Path:
    """The same folder, with a system that has troubles on order."""
    return write_troubled(place)


@pytest.fixture(scope="package")
def undisturbed(trouble, tiny_folder) -> str:
    """Digest of the weights of a run without troubles."""
    result = run_troubled(troubled_job(trouble, tiny_folder, "undisturbed"))
    return weights_digest(Path(result["embedder"]))
