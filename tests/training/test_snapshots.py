from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from embedworks.training.snapshots import WEIGHTS, Snapshots, write_weights, written
from embedworks.training.spec import SnapshotPlan


def test_snapshots_are_due_every_so_many_steps_and_at_the_end(tmp_path):
    plan = SnapshotPlan(tmp_path, every=4, have=frozenset({8}))
    assert [step for step in range(15) if plan.is_due(step, 14)] == [4, 12, 14]


def test_only_whole_snapshots_count(tmp_path):
    plan = SnapshotPlan(tmp_path, every=2)
    for step in (10, 2):
        write_weights(plan.folder(step), {"a": torch.arange(6.0).reshape(2, 3).T})
    plan.folder(4).mkdir()
    assert list(written(tmp_path)) == [2, 10]
    assert torch.equal(load_file(plan.folder(2) / WEIGHTS)["a"], torch.arange(6.0).reshape(2, 3).T)


def test_without_a_plan_nothing_is_done():
    idle = Snapshots(None, dict, rank=0, steps=3)
    idle.take(3)
    idle.finish()
    assert not idle.should_finish()


def test_the_file_asks_to_stop(tmp_path):
    plan = SnapshotPlan(tmp_path, every=2)
    hand = Snapshots(plan, dict, rank=0, steps=3)
    assert not hand.should_finish()
    plan.stop_file.touch()
    assert hand.should_finish()
    assert not Snapshots(plan, dict, rank=1, steps=3).should_finish()


def test_a_snapshot_holds_the_weights_of_its_step(tmp_path):
    plan, weights = SnapshotPlan(tmp_path, every=2), {"a": torch.zeros(3)}
    hand = Snapshots(plan, lambda: {"a": weights["a"].clone()}, rank=0, steps=5)
    for step in range(1, 6):
        weights["a"] += 1
        hand.take(step)
    hand.finish()
    found = {step: load_file(folder / WEIGHTS)["a"].tolist() for step, folder in written(tmp_path).items()}
    assert found == {step: [step] * 3 for step in (2, 4, 5)}


def test_a_snapshot_that_cannot_be_written_is_told_at_the_end(tmp_path):
    (tmp_path / "file").touch()
    hand = Snapshots(SnapshotPlan(tmp_path, every=2), dict, rank=0, steps=3)
    hand._write(tmp_path / "file" / "step", {"a": torch.zeros(1)})
    with pytest.raises(OSError):
        hand.finish()
