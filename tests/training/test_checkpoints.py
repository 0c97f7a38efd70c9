"""A run goes on from a checkpoint on any number of workers and under any ZeRO stage."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
import torch.distributed as dist

from embedworks.training.batches import Cutter
from embedworks.training.checkpoints.files import FOLDER, CheckpointError, Parts, complete_steps
from embedworks.training.checkpoints.keeper import Keeper, mark, prune
from embedworks.training.engine import full_weights, start_engines
from embedworks.training.options import TrainingOptions
from embedworks.training.step import train_step
from helpers.processes import start
from helpers.words import SAMPLES, Words, WordTransform, word_rows

KINDS = (
    (0, "fp32"),
    (1, "fp32"),
    (2, "fp32"),
    (3, "fp32"),
    (0, "bf16"),
    (1, "bf16"),
    (2, "bf16"),
    (3, "bf16"),
)
HALF, WHOLE = 3, 6
Weights = dict[str, torch.Tensor]


class Run:
    """One worker of a training run."""

    def __init__(
        self, zero: int, precision: str, rank: int, workers: int, root: Path, **optimizer: Any
    ) -> None:
        options = {"learning_rate": 0.05, "weight_decay": 0.1, "warmup": 2} | optimizer
        self.rank, self.workers = rank, workers
        self.objective = Words(0.2).train()
        training = TrainingOptions.model_validate(
            {"steps": WHOLE, "precision": precision, "zero": zero, "workers": workers, "optimizer": options}
        )
        self.engines = start_engines(self.objective, training, WHOLE, workers)
        self.keeper = Keeper(root, self.objective, self.engines, rank, workers)

    def train(self, first: int, last: int) -> None:
        for step in range(first, last):
            own = word_rows(step).take(pa.array(range(self.rank, SAMPLES, self.workers)))
            batches = Cutter(WordTransform(), self.rank, self.workers)(own, SAMPLES)
            train_step(self.engines, batches, self.rank, (1, step))

    def weights(self) -> Weights:
        return full_weights(self.objective, self.engines)

    def close(self) -> None:
        self.engines["main"].destroy()


def undisturbed(root: Path, rank: int, workers: int) -> None:
    """Train to the end, with a checkpoint halfway."""
    for zero, precision in KINDS:
        folder = root / f"{zero}-{precision}"
        run = Run(zero, precision, rank, workers, folder)
        keep(rank, folder / "first", run.weights())
        run.train(0, HALF)
        run.keeper.save(HALF)
        run.keeper.finish(HALF)
        run.train(HALF, WHOLE)
        keep(rank, folder / "whole", run.weights())
        run.close()


def resumed(root: Path, rank: int, workers: int) -> None:
    """Go on from the checkpoint of the same kind, and float32 from that of every other ZeRO stage."""
    # In bf16 only what is compared: the same to the bit on as many workers.
    alike = [(kind, kind) for kind in KINDS if workers == 2 or kind[1] == "fp32"]
    turns = alike + [((zero, "fp32"), ((zero + 1) % 4, "fp32")) for zero in range(4)]
    for (zero, precision), (from_zero, from_precision) in turns:
        folder = root / f"{from_zero}-{from_precision}"
        run = Run(zero, precision, rank, workers, folder)
        assert run.keeper.restore() == HALF
        run.train(HALF, WHOLE)
        keep(rank, folder / f"by {workers} under {zero}-{precision}", run.weights())
        run.close()


def keep(rank: int, file: Path, weights: Weights) -> None:
    if rank == 0:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(weights, file)


def worker(rank: int, workers: int, root: str, part: str) -> None:
    os.environ |= {"DS_ACCELERATOR": "cpu", "RANK": str(rank), "WORLD_SIZE": str(workers)}
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29598"}
    torch.set_num_threads(1)
    import deepspeed

    store = f"file://{root}/store-{part}-{workers}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=workers)
    deepspeed.init_distributed("gloo", dist_init_required=False)
    {"undisturbed": undisturbed, "resumed": resumed}[part](Path(root), rank, workers)
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    start(worker, (2, str(folder), "undisturbed"), 2)
    for workers in (2, 1, 3):
        start(worker, (workers, str(folder), "resumed"), workers)
    return folder


def difference(root: Path, file: str, other: str) -> float:
    left, right = (torch.load(root / name, weights_only=True) for name in (file, other))
    assert left.keys() == right.keys()
    return max(float((left[name] - right[name]).abs().max()) for name in left)


@pytest.mark.parametrize(("zero", "precision"), KINDS)
def test_on_as_many_workers_the_weights_are_the_same_to_the_bit(root, zero, precision):
    place = f"{zero}-{precision}"
    assert difference(root, f"{place}/whole", f"{place}/by 2 under {place}") == 0
    assert difference(root, f"{place}/whole", f"{place}/first") > 0.05


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("zero", range(4))
def test_on_another_number_of_workers_they_differ_by_dropout_alone(root, zero, workers):
    """Dropout draws by worker, so the same number is compared: two runs that went on from two places."""
    first = f"{zero}-fp32/by {workers} under {zero}-fp32"
    assert difference(root, first, f"0-fp32/by {workers} under 0-fp32") < 1e-5


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("zero", range(4))
def test_another_zero_stage_goes_on_where_one_stopped(root, zero, workers):
    other = f"{(zero + 1) % 4}-fp32"
    there = f"{other}/by {workers} under {zero}-fp32"
    assert difference(root, there, f"{other}/by {workers} under {other}") < 1e-5


def test_half_precision_starts_without_a_step(alone):
    run = Run(0, "bf16", 0, 1, alone, weight_decay=0.9, learning_rate=1.0)
    for name, weight in run.weights().items():
        expected = dict(Words(0.2).named_parameters())[name].detach()
        assert torch.equal(weight, expected.bfloat16().float()), name
    run.train(0, 1)
    state = next(iter(run.engines["main"].basic_optimizer.state.values()))
    assert state["step"] == 1
    run.close()


def test_a_full_disk_costs_the_save_and_not_the_run(alone, monkeypatch):
    told: list[str] = []
    run = Run(0, "fp32", 0, 1, alone / "run")
    run.keeper._tell = told.append
    run.train(0, 1)
    run.keeper.save(1)
    run.keeper.finish(1)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("embedworks.training.checkpoints.keeper.write_part", full)
        run.train(1, 2)
        run.keeper.save(2)
        run.keeper.wait()
        assert "No space left" in told[0]
        assert list(complete_steps(alone / "run")) == [1]
        with pytest.raises(CheckpointError, match="No space left"):
            run.keeper.finish(2)
    run.keeper.finish(2)
    assert list(complete_steps(alone / "run")) == [1, 2]
    run.close()


def test_a_save_that_failed_costs_a_restart_the_steps_since_the_older_one(alone, monkeypatch):
    """On a disk that is really full: the second checkpoint needs more than it has left."""
    root = alone / "run"
    run = Run(0, "fp32", 0, 1, root)
    run.train(0, 1)
    run.keeper.save(1)
    run.keeper.finish(1)
    before = run.weights()
    run.train(1, 2)
    used = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
    with limited_files(used // 2):
        run.keeper.save(2)
        run.keeper.wait()
    folder = root / FOLDER.format(2)
    assert not list(folder.glob("*.safetensors")), "half a file has its name"
    run.train(2, 3)
    run.close()
    again = Run(0, "fp32", 0, 1, root)
    assert again.keeper.restore() == 1
    assert not folder.exists()
    assert all(torch.equal(weight, before[name]) for name, weight in again.weights().items())
    again.close()


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """Files may not grow beyond ``size`` bytes; the kernel refuses as on a full disk."""
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)


def test_parts_of_a_killed_group_never_complete_a_checkpoint_of_another(alone):
    root = alone / "run"
    run = Run(0, "fp32", 0, 1, root)
    run.keeper.save(1)
    run.keeper.finish(1)
    for step in (1, 2):  # one part of two, and no note yet
        folder = root / FOLDER.format(step)
        folder.mkdir(exist_ok=True)
        (folder / "part-00001-of-00002.safetensors").touch()
    assert run.keeper.restore() == 1
    assert [path.name for path in root.iterdir()] == [FOLDER.format(1)]
    run.close()


def test_weights_that_are_no_numbers_are_not_saved(alone):
    told: list[str] = []
    run = Run(0, "fp32", 0, 1, alone / "run")
    run.keeper._tell = told.append
    run.keeper.save(1)
    run.objective.layers[0].weight.data[0, 0] = float("nan")
    run.keeper.save(2)
    with pytest.raises(CheckpointError, match=r"layers\.0\.weight has values that are not finite"):
        run.keeper.finish(2)
    assert "layers.0.weight" in told[0]
    assert list(complete_steps(alone / "run")) == [1]
    run.close()


def test_a_torn_checkpoint_is_not_taken(alone):
    run = Run(0, "fp32", 0, 1, alone / "run")
    for step in (1, 2):
        run.keeper.save(step)
        run.keeper.finish(step)
    folder = alone / "run" / FOLDER.format(2)
    (folder / "state.json").unlink()
    assert list(complete_steps(alone / "run")) == [1]
    part = next((alone / "run" / FOLDER.format(1)).glob("part-*"))
    part.write_bytes(part.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="cannot be read"):
        Parts(part.parent)
    run.close()


def test_the_newest_are_kept_and_the_marked_one(alone):
    root = alone / "run"
    run = Run(0, "fp32", 0, 1, root)
    for step in range(1, 5):
        run.keeper.save(step)
        run.keeper.finish(step)
        if step == 1:
            mark(root, 1)
    prune(root, 2)
    assert list(complete_steps(root)) == [1, 3, 4]
    (root / FOLDER.format(9)).mkdir()
    prune(root, 2)
    assert (root / FOLDER.format(9)).is_dir(), "somebody is writing it"
    mark(root, 4)
    prune(root, 1)
    assert list(complete_steps(root)) == [4]
    shutil.rmtree(root)
    run.close()
