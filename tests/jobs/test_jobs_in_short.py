"""Every text embedder's job, from its first corpus to its last embedder, in a few steps and without Ray.

Stages, corpora, preparation, transform, objective and export are the job's own; batches are small, the
dictionary has two letters, and DeepSpeed's place is taken by an optimizer of torch. What comes behind
training (evaluation, registry, serving) is the same for all systems, and has tests of its own on Ray.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from embedworks.embedder import Embedder
from embedworks.jobs.load import load_job
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.runner import check_job, run_job
from embedworks.jobs.stages import merge
from embedworks.training import loop
from helpers.training_here import train_here

JOBS = Path(__file__).parents[2] / "jobs" / "text_embedding"
FILES = sorted(file for file in JOBS.glob("*.yaml") if not file.name.endswith(".claim.yaml"))
TEXTS = ["What does yield do?", "a small fish that lives in rivers"]
SHORT: dict[str, Any] = {"steps": 2, "batch_size": 4, "workers": 1, "zero": 0, "precision": "fp32"}
SMALL_DICTIONARY = {"source": "dictionary", "options": {"letters": "jk"}}
SMALL_PAGES = {"source": "linked-pages", "options": {"kinds": ["topic"]}}
FEW = {"docstring-questions": {"functions": 300}}  # options of a source
ROWS = 300  # of each corpus
UNUSED = ("epochs", "batch_tokens", "evaluate")


def shortened(file: Path, place: Path) -> Path:
    """The job up to its last embedder, with less of everything."""
    job = yaml.safe_load(file.read_text())
    job["stages"] = [short(stage) for stage in job["stages"] if stage["kind"] in ("train", "merge")]
    job |= {"output": str(place), "tracking": {"uri": f"sqlite:///{place}/mlflow.db"}}
    job.setdefault("corpora", {}).setdefault("dictionary", SMALL_DICTIONARY)
    job["corpora"].setdefault("linked-pages", SMALL_PAGES)
    for corpus in job["corpora"].values():
        corpus.setdefault("options", {}).update(FEW.get(corpus["source"], {}))
    written = place / file.name
    written.write_text(yaml.safe_dump(job, sort_keys=False))
    return written


def short(stage: dict[str, Any]) -> dict[str, Any]:
    """A stage of two small steps, where it takes steps."""
    if not {"steps", "epochs"} & stage.keys():
        return stage
    kept = {key: value for key, value in stage.items() if key not in UNUSED} | SHORT
    if stage.get("steps") == 0:  # nothing is trained, and what it measures on its rows is small too
        kept |= {"steps": 0, "objective": stage["objective"] | {"dev": 8, "examples": 2}}
    for key in {"corpus", "probe"} & stage.keys():
        corpora = kept[key] if isinstance(kept[key], list) else [kept[key]]
        kept[key] = [corpus | {"limit": min(ROWS, corpus.get("limit", ROWS))} for corpus in corpora]
    return kept


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Where all jobs write: corpora and the store are made once."""
    return tmp_path_factory.mktemp("short")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_job_gives_an_embedder_that_reads(file, place, monkeypatch):
    monkeypatch.setattr(loop, "train", train_here)
    monkeypatch.setattr(merge, "merge_options", dict)  # it asks Ray for nodes
    loaded = load_job(shortened(file, place))
    check_job(loaded)
    results = run_job(loaded, Reporter())
    assert results
    for result in results.values():
        assert all(map(math.isfinite, result.get("metrics", {}).values()))
    vectors = Embedder.load(Path(result["embedder"])).encode(TEXTS)
    assert len(vectors) == 2
    assert all(map(math.isfinite, vectors.ravel().tolist()))
