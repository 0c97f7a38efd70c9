"""The gradient of a step is that of the global batch, however many workers, micro-batches and chunks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from embedworks.objective import Vectors
from embedworks.training.batches import Cutter, MicroBatch, micro_batches
from embedworks.training.engine import start_engines
from embedworks.training.options import TrainingOptions
from embedworks.training.step import seed_draws, train_step
from embedworks.transforms.transform import Batch, Transform
from helpers.processes import start
from helpers.words import GROUP, LENGTH, SAMPLES, Words, WordTransform, word_rows

SEED = (7, 3)


@dataclass(frozen=True)
class Case:
    """How a step is computed."""

    accumulate: int = 1
    chunk_size: int | None = None
    dropout: float = 0.0

    def __str__(self) -> str:
        return f"accumulate {self.accumulate}, chunks {self.chunk_size}, dropout {self.dropout}"


CASES = (
    Case(),
    Case(chunk_size=2),
    Case(accumulate=3),
    Case(accumulate=2, chunk_size=2),
    Case(dropout=0.3),
    Case(accumulate=2, chunk_size=2, dropout=0.3),
)


def cut(case: Case, rank: int, workers: int) -> tuple[MicroBatch, ...]:
    own = word_rows().take(pa.array(range(rank, SAMPLES, workers)))
    return Cutter(WordTransform(), rank, workers, case.accumulate, case.chunk_size)(own, SAMPLES)


def reference(case: Case, workers: int) -> dict[str, Tensor]:
    """One process, one graph, all samples of a micro-batch at once; dropout as the workers drew it."""
    objective = Words(case.dropout).train()
    parts = [cut(case, rank, workers) for rank in range(workers)]
    for number in range(len(parts[0])):
        found = [represented(objective, parts[rank][number], rank, number) for rank in range(workers)]
        vectors = {key: torch.cat([one[key] for one in found]) for key in found[0]}
        losses = objective.compare(vectors, {"query_ids": vectors["query"]})
        (losses["loss"] * sum(parts[0][number].samples) / SAMPLES).backward()
    return {name: p.grad for name, p in objective.named_parameters() if p.grad is not None}


def represented(objective: Words, micro: MicroBatch, rank: int, number: int) -> Vectors:
    if not micro.chunks:
        seed_draws(*SEED, rank, number)
        return objective.represent(micro.batch)
    found = []
    for place, chunk in enumerate(micro.chunks):
        seed_draws(*SEED, rank, number, place)
        found.append(objective.represent(chunk.batch))
    back_N = torch.cat([chunk.samples_n for chunk in micro.chunks]).argsort()
    queries, candidates = (torch.cat([one[side] for one in found]) for side in ("query", "candidate"))
    grouped = candidates.reshape(len(back_N), GROUP, -1)[back_N]
    return {"query": queries[back_N], "candidate": grouped.flatten(0, 1)}


def gradients(case: Case, zero: int, rank: int, workers: int) -> dict[str, Tensor]:
    """Of one step of the real engine."""
    import deepspeed

    objective = Words(case.dropout).train()
    optimizer = {"name": "adamw", "clip": None}
    options = TrainingOptions.model_validate(
        {"steps": 1, "precision": "fp32", "zero": zero, "workers": workers, "optimizer": optimizer}
    )
    engines = start_engines(objective, options, 1, workers)
    found: dict[str, Tensor] = {}

    def look() -> None:
        for name, parameter in objective.named_parameters():
            gradient = deepspeed.utils.safe_get_full_grad(parameter)
            if gradient is not None:
                found[name] = gradient.detach().clone()

    engines["main"].step = look
    train_step(engines, cut(case, rank, workers), rank, SEED)
    engines["main"].destroy()
    return found


def worker(rank: int, workers: int, folder: str) -> None:
    os.environ |= {"DS_ACCELERATOR": "cpu", "RANK": str(rank), "WORLD_SIZE": str(workers)}
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29599"}
    torch.set_num_threads(1)
    import deepspeed

    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=workers)
    deepspeed.init_distributed("gloo", dist_init_required=False)
    for zero in range(4):
        for case in CASES:
            found = gradients(case, zero, rank, workers)
            if rank == 0:
                torch.save(found, Path(folder) / f"zero {zero}, {case}")
    dist.destroy_process_group()


@pytest.fixture(scope="module", params=[1, 2, 4])
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """Number of workers, and where their gradients are."""
    folder = tmp_path_factory.mktemp("gradients")
    start(worker, (request.param, str(folder)), request.param)
    return request.param, folder


@pytest.mark.parametrize("zero", range(4))
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_those_of_one_process_and_one_graph(measured, case: Case, zero: int) -> None:
    workers, folder = measured
    expected = reference(case, workers)
    found = torch.load(folder / f"zero {zero}, {case}", weights_only=True)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name].reshape(gradient.shape) - gradient).abs().max() < 1e-5, name


def test_without_dropout_the_reference_is_the_same_for_any_number_of_workers() -> None:
    whole = reference(Case(), 1)
    for case, workers in ((Case(), 4), (Case(chunk_size=2), 1), (Case(chunk_size=2), 2)):
        for name, gradient in reference(case, workers).items():
            assert torch.allclose(gradient, whole[name], atol=1e-6), (case, workers, name)


@pytest.mark.parametrize("accumulate", [1, 2, 3, 5])
def test_micro_batches_hold_every_sample_once_and_the_same_ones_for_all_workers(accumulate: int) -> None:
    for workers in (1, 2, 4):
        parts = micro_batches(SAMPLES, accumulate, workers)
        assert [n for part in parts for n in part] == list(range(SAMPLES))
        assert parts == micro_batches(SAMPLES, accumulate, 1)


def test_a_batch_too_small_for_its_micro_batches_is_cut_into_fewer() -> None:
    assert [len(part) for part in micro_batches(5, 4, 2)] == [2, 3]


def test_chunks_are_of_like_length_and_equally_many_on_every_worker() -> None:
    lengths = [9, 1, 8, 2, 7]
    table = pa.table({"query_ids": [[1] * LENGTH * n for n in lengths]})

    class Lengths(Transform):
        def __call__(self, rows: pa.Table) -> pa.Table:
            return rows

        def collate(self, rows: pa.Table) -> Batch:
            return {"lengths": torch.tensor([len(ids) // LENGTH for ids in rows["query_ids"].to_pylist()])}

    (micro,) = Cutter(Lengths(), 0, 2, 1, 2)(table, 9)
    assert [chunk.batch["lengths"].tolist() for chunk in micro.chunks] == [[1, 2], [7, 8], [9]]
    assert [lengths[n] for chunk in micro.chunks for n in chunk.samples_n] == [1, 2, 7, 8, 9]
    (other,) = Cutter(Lengths(), 1, 2, 1, 2)(table.slice(0, 4), 9)
    assert len(other.chunks) == len(micro.chunks)
