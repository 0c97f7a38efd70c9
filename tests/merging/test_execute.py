"""A plan that is run gives what the same sum in memory gives, and says what it did."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from safetensors.torch import load_file

from embedworks.errors import InputError
from embedworks.merging import units
from embedworks.merging.execute import execute
from embedworks.merging.layout import shard_plan
from embedworks.merging.methods import linear
from embedworks.merging.workspace import Workspace
from helpers.merge_plans import FILE, SHAPES, in_memory, linear_plan, write_models

WEIGHTS = (0.5, 0.75, -0.25)
BYTES = 4 * (400 + 64 + 8 + 1)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "PIECE", 60)
    return write_models(tmp_path, 3)


@pytest.mark.parametrize("elementwise", [True, False])
@pytest.mark.parametrize(("threads", "memory"), [(1, 1), (2, 1), (3, 1 << 30)])
def test_it_is_the_sum(tmp_path, files, monkeypatch, elementwise, threads, memory):
    monkeypatch.setattr(linear, "ELEMENTWISE", elementwise)
    cores = torch.get_num_threads()
    done = execute(linear_plan(files, WEIGHTS), tmp_path / "out", threads=threads, memory_bytes=memory)
    found, expected = load_file(tmp_path / "out" / FILE), in_memory(files, WEIGHTS)
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name], expected[name], atol=1e-6) for name in found)
    assert (done.tensors, done.bytes, done.skipped) == (4, BYTES, 0)
    assert done.units == (11 if elementwise else 4)
    assert torch.get_num_threads() == cores


def test_types_are_the_plans_and_copies_are_exact(tmp_path):
    files = write_models(tmp_path, 2, dtype=torch.float16)
    plan = linear_plan(files, [1, 1], dtype=torch.bfloat16, copied=["scale"])
    plan = replace(plan, tensors=tuple(t if t.name != "scale" else as_stored(t) for t in plan.tensors))
    execute(plan, tmp_path / "out")
    found, expected = load_file(tmp_path / "out" / FILE), in_memory(files, [1, 1])
    assert torch.equal(found["layer.0.bias"], expected["layer.0.bias"].bfloat16())
    assert torch.equal(found["scale"], load_file(files[0])["scale"])


def as_stored(tensor):
    return replace(tensor, dtype=tensor.sources[0].dtype)


def test_shards_have_an_index_and_the_folder_what_is_added(tmp_path, files):
    plan = linear_plan(files, WEIGHTS)
    plan = replace(plan, tensors=shard_plan(plan.tensors, 300))
    seen = []

    def complete(folder):
        seen.append((tmp_path / "out").exists())
        (folder / "config.json").write_text("{}")

    execute(plan, tmp_path / "out", complete=complete)
    names = {entry.name for entry in (tmp_path / "out").iterdir()}
    assert {"config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"} < names
    assert seen == [False]


def test_progress_ends_at_all_bytes(tmp_path, files):
    seen = []
    execute(linear_plan(files, WEIGHTS), tmp_path / "out", listen=lambda *now: seen.append(now))
    assert seen[0] == (0, BYTES)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (BYTES, BYTES)


@dataclass(frozen=True)
class Broken:
    """A source that cannot be read."""

    error: str
    shape: tuple[int, ...] = SHAPES["layer.0.bias"]
    dtype: torch.dtype = torch.float32

    def read(self, start: int = 0, stop: int | None = None) -> torch.Tensor:
        raise (InputError if self.error == "file" else RuntimeError)(f"no such {self.error}")


@pytest.mark.parametrize(("error", "kind"), [("file", InputError), ("kernel", RuntimeError)])
def test_an_error_names_its_tensor_and_leaves_no_result(tmp_path, files, error, kind):
    plan = linear_plan(files, WEIGHTS)
    broken = tuple(
        replace(t, sources=(*t.sources[:2], Broken(error))) if t.name == "layer.0.bias" else t
        for t in plan.tensors
    )
    with pytest.raises(kind, match=rf"layer\.0\.bias.*no such {error}"):
        execute(replace(plan, tensors=broken), tmp_path / "out", threads=2)
    assert not (tmp_path / "out").exists()
    assert execute(plan, tmp_path / "out").skipped == 0, "another plan starts anew"


def test_what_a_method_notes_is_told_once_a_tensor(tmp_path, files, monkeypatch):
    plain = linear.merge

    def merge(group, parameters):
        if group.name == "embeddings.weight":
            group.notes.append("k = 0 was raised to 1")
        return plain(group, parameters)

    monkeypatch.setattr(linear, "merge", merge)
    done = execute(linear_plan(files, WEIGHTS), tmp_path / "out")
    assert done.notes == ("embeddings.weight: k = 0 was raised to 1",)


def test_a_merge_that_is_running_is_left_alone(tmp_path, files):
    with Workspace(tmp_path / "out"), pytest.raises(InputError, match="another merge"):
        execute(linear_plan(files, WEIGHTS), tmp_path / "out")


def test_an_error_in_what_is_added_merges_nothing_twice(tmp_path, files):
    plan = linear_plan(files, WEIGHTS)

    def fail(folder):
        raise InputError("no tokenizer")

    with pytest.raises(InputError, match="no tokenizer"):
        execute(plan, tmp_path / "out", complete=fail)
    assert not (tmp_path / "out").exists()
    done = execute(plan, tmp_path / "out")
    assert done.skipped == done.units
    assert torch.allclose(load_file(tmp_path / "out" / FILE)["scale"], in_memory(files, WEIGHTS)["scale"])


def test_models_that_changed_in_between_are_merged_anew(tmp_path, files):
    with pytest.raises(ZeroDivisionError):
        execute(linear_plan(files, WEIGHTS), tmp_path / "out", complete=lambda folder: 1 / 0)
    files[0].write_bytes(files[1].read_bytes())
    assert execute(linear_plan(files, WEIGHTS), tmp_path / "out").skipped == 0
    found, expected = load_file(tmp_path / "out" / FILE), in_memory(files, WEIGHTS)
    assert all(torch.allclose(found[name], expected[name], atol=1e-6) for name in found)
