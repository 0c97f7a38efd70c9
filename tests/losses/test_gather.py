from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from embedworks.losses.contrastive import in_batch_loss
from embedworks.losses.cosent import cosent
from embedworks.losses.gather import gather_rows, samples_of_workers
from embedworks.losses.multi_label import multi_label_loss
from embedworks.losses.sampled_softmax import sampled_softmax_loss
from embedworks.losses.soft_targets import labelled_contrastive_loss
from helpers.processes import start

WORLD, GROUP, WIDTH = 2, 2, 4
SAMPLES = {"even": (3, 3), "uneven": (4, 1)}
NAMES = (
    "one way",
    "two way",
    "a smoothed sum",
    "in full",
    "known rows",
    "soft targets",
    "sampled softmax",
)


def losses(weight: torch.Tensor, samples: tuple[int, ...], rank: int | None) -> dict[str, torch.Tensor]:
    """Each loss on this rank's rows, or on all rows at once."""
    generator = torch.Generator().manual_seed(5)
    queries = torch.randn(sum(samples), WIDTH, generator=generator)
    candidates = torch.randn(sum(samples) * GROUP, WIDTH, generator=generator)
    gold = torch.randn(sum(samples), generator=generator)
    own = gold
    table = torch.randn(2, WIDTH, generator=generator)
    labels = torch.arange(sum(samples)) % 2
    if rank is not None:
        first = sum(samples[:rank])
        own = gold[first:][: samples[rank]]
        queries = queries[first:][: samples[rank]]
        candidates = candidates[first * GROUP :][: samples[rank] * GROUP]
        labels = labels[first:][: samples[rank]]
    known = own > -0.5
    q, c = queries @ weight, candidates @ weight
    similar = gather_rows((q * c[::GROUP]).sum(1))
    return {
        "one way": in_batch_loss(q, c, temperature=1.0, similarity="dot").loss,
        "two way": in_batch_loss(q, c, temperature=0.5, two_way=True).loss,
        "a smoothed sum": in_batch_loss(
            q, c, temperature=0.5, two_way=True, total="sum", smoothing=0.1
        ).loss,
        "in full": cosent(similar, gold, temperature=1.0),
        "known rows": multi_label_loss(q, (q > 0).int(), known, negative_weight=0.5, gather=True),
        "soft targets": labelled_contrastive_loss(q, c[::GROUP], labels, table, temperature=0.5),
        "sampled softmax": sampled_softmax_loss(q, c[::GROUP], labels, own).loss,
    }


def gradients(samples: tuple[int, ...], rank: int | None) -> dict[str, torch.Tensor]:
    share = 1.0 if rank is None else samples[rank] * WORLD / sum(samples)
    found = {}
    for name in NAMES:
        weight = torch.eye(WIDTH).add(0.1).requires_grad_()
        (share * losses(weight, samples, rank)[name]).backward()
        assert weight.grad is not None
        found[name] = weight.grad
    return found


def assert_only_own_rows_learn(rank: int) -> None:
    rows = torch.full((2, 1), float(rank), requires_grad=True)
    gathered = gather_rows(rows, detach_others=True)
    assert gathered.flatten().tolist() == [0, 0, 1, 1]
    (gathered.flatten() @ torch.tensor([1.0, 2.0, 3.0, 4.0])).backward()
    assert rows.grad is not None
    assert rows.grad.flatten().tolist() == [[1, 2], [3, 4]][rank]


def worker(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    init = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=init, rank=rank, world_size=WORLD)
    rows = torch.full((2, 1), float(rank))
    assert gather_rows(rows).flatten().tolist() == [0, 0, 1, 1]
    assert_only_own_rows_learn(rank)
    for kind, samples in SAMPLES.items():
        with samples_of_workers(samples):
            assert len(gather_rows(torch.zeros(3 * samples[rank], 1))) == 3 * sum(samples)
            found = gradients(samples, rank)
        for name, gradient in found.items():
            dist.all_reduce(gradient)
            if rank == 0:
                torch.save(gradient / WORLD, Path(folder) / f"{kind} {name}")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gather")
    start(worker, (str(folder),), WORLD)
    return folder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", SAMPLES)
def test_averaged_gradients_are_those_of_the_global_mean(folder: Path, kind: str, name: str) -> None:
    found = torch.load(folder / f"{kind} {name}", weights_only=True)
    assert torch.allclose(found, gradients(SAMPLES[kind], None)[name], atol=1e-6)


def test_one_process_needs_no_gathering() -> None:
    rows = torch.randn(2, 3, requires_grad=True)
    assert gather_rows(rows) is rows
