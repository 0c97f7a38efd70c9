from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from embedworks.losses.contrastive import in_batch_loss
from embedworks.losses.cosent import cosent
from embedworks.losses.gather import gather_rows

WORLD, BATCH, GROUP, WIDTH = 2, 3, 2, 4


def losses(weight: torch.Tensor, rank: int | None) -> dict[str, torch.Tensor]:
    """Each loss on this rank's rows, or on all rows at once."""
    generator = torch.Generator().manual_seed(5)
    queries = torch.randn(WORLD * BATCH, WIDTH, generator=generator)
    candidates = torch.randn(WORLD * BATCH * GROUP, WIDTH, generator=generator)
    gold = torch.randn(WORLD * BATCH, generator=generator)
    if rank is not None:
        queries = queries[rank * BATCH :][:BATCH]
        candidates = candidates[rank * BATCH * GROUP :][: BATCH * GROUP]
    q, c = queries @ weight, candidates @ weight
    similar = gather_rows((q * c[::GROUP]).sum(1))
    return {
        "one way": in_batch_loss(q, c, temperature=1.0, similarity="dot").loss,
        "two way": in_batch_loss(q, c, temperature=0.5, two_way=True).loss,
        "in full": cosent(similar, gold, temperature=1.0),
    }


def gradients(rank: int | None) -> dict[str, torch.Tensor]:
    found = {}
    for name in ("one way", "two way", "in full"):
        weight = torch.eye(WIDTH).add(0.1).requires_grad_()
        losses(weight, rank)[name].backward()
        assert weight.grad is not None
        found[name] = weight.grad
    return found


def worker(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    init = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=init, rank=rank, world_size=WORLD)
    rows = torch.full((2, 1), float(rank))
    assert gather_rows(rows).flatten().tolist() == [0, 0, 1, 1]
    for name, gradient in gradients(rank).items():
        dist.all_reduce(gradient)
        if rank == 0:
            torch.save(gradient / WORLD, Path(folder) / name)
    dist.destroy_process_group()


def test_averaged_gradients_are_those_of_the_global_mean(tmp_path: Path) -> None:
    mp.spawn(worker, args=(str(tmp_path),), nprocs=WORLD)
    for name, expected in gradients(None).items():
        found = torch.load(tmp_path / name, weights_only=True)
        assert torch.allclose(found, expected, atol=1e-6), name


def test_one_process_needs_no_gathering() -> None:
    rows = torch.randn(2, 3, requires_grad=True)
    assert gather_rows(rows) is rows
