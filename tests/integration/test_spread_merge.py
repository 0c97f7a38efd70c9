"""A merge in Ray tasks: the bytes of a local one, after a worker's death too."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import ray
import torch
from ray import cloudpickle

from embedworks.errors import InputError
from embedworks.folder import weights_digest
from embedworks.jobs.merging.nodes import merge_options
from embedworks.merging.execute import execute
from embedworks.merging.journal import read_journals
from embedworks.merging.merge import merge
from embedworks.merging.plan import Plan
from embedworks.merging.recipe import parse_recipe
from embedworks.merging.spread import spread
from helpers.merge_plans import FILE, linear_plan, write_models
from helpers.tiny import tiny_embedder

pytestmark = pytest.mark.ray
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # Ray's workers cannot import tests

WEIGHTS = (0.5, 0.75)
SHAPES = {f"layer.{layer}.weight": (300, 1000) for layer in range(8)}  # two pieces each


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    return write_models(tmp_path_factory.mktemp("models"), 2, SHAPES)


@pytest.fixture(scope="module")
def whole(files, tmp_path_factory) -> bytes:
    """What a local merge gives."""
    out = tmp_path_factory.mktemp("whole") / "out"
    execute(linear_plan(files, WEIGHTS), out)
    return (out / FILE).read_bytes()


@dataclass(frozen=True)
class Odd:
    """A source that kills its first reader, once something is noted; or that cannot be read at all."""

    plain: Any
    workspace: Path | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.plain.shape

    @property
    def dtype(self) -> torch.dtype:
        return self.plain.dtype

    def read(self, start: int = 0, stop: int | None = None) -> torch.Tensor:
        if self.workspace is None:
            raise InputError("it cannot be read")
        if not (self.workspace / "died").exists():
            while not read_journals(self.workspace):
                time.sleep(0.01)
            (self.workspace / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.plain.read(start, stop)


def with_odd(plan: Plan, index: int, workspace: Path | None) -> Plan:
    tensor = plan.tensors[index]
    odd = replace(tensor, sources=(tensor.sources[0], Odd(tensor.sources[1], workspace)))
    return replace(plan, tensors=(*plan.tensors[:index], odd, *plan.tensors[index + 1 :]))


def test_tasks_write_the_bytes_of_a_local_merge(ray_cluster, files, whole, tmp_path):
    seen = []
    done = spread(
        linear_plan(files, WEIGHTS), tmp_path / "out", 3, listen=lambda *now: seen.append(now), report=True
    )
    assert (tmp_path / "out" / FILE).read_bytes() == whole
    assert (done.units, done.skipped, seen[-1]) == (16, 0, (done.bytes, done.bytes))
    assert done.report.total.elements == 8 * 300_000
    assert not (tmp_path / ".out.partial").exists()


def test_a_task_whose_worker_dies_goes_on(ray_cluster, files, whole, tmp_path):
    workspace = tmp_path / ".out.partial"
    noted = []

    def complete(folder: Path) -> None:
        assert (workspace / "died").exists()
        noted.extend((workspace / "journal-0").read_text().splitlines())

    plan = with_odd(linear_plan(files, WEIGHTS), 3, workspace)
    spread(plan, tmp_path / "out", 1, complete=complete)
    assert len(noted) == len(set(noted)) == 16, "nothing that was noted is merged again"
    assert (tmp_path / "out" / FILE).read_bytes() == whole


def test_an_error_in_a_task_names_the_tensor(ray_cluster, files, tmp_path):
    with pytest.raises(InputError, match=r"layer\.5\.weight: it cannot be read"):
        spread(with_odd(linear_plan(files, WEIGHTS), 5, None), tmp_path / "out", 2)
    assert not (tmp_path / "out").exists()


def test_a_cluster_of_several_nodes_is_used(ray_cluster, tmp_path, monkeypatch):
    for seed, name in enumerate("ab"):
        tiny_embedder(tmp_path / name, seed=seed, layers=2, width=16)
    value = {
        "merge_method": "linear",
        "models": [{"model": "a"}, {"model": "b"}],
        "parameters": {"weight": 1},
    }
    recipe = parse_recipe(value)
    assert merge_options() == {}, "the session's cluster has one node"
    (node,) = ray.nodes()
    monkeypatch.setattr(
        ray, "nodes", lambda: [node, {**node, "Resources": {"CPU": 2.0}}, {**node, "Alive": False}]
    )
    options = merge_options()
    assert options["tasks"] == int(node["Resources"]["CPU"]) + 2
    merge(recipe, tmp_path.joinpath, tmp_path / "spread", **options)
    merge(recipe, tmp_path.joinpath, tmp_path / "local")
    assert weights_digest(tmp_path / "spread") == weights_digest(tmp_path / "local")
