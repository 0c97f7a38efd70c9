"""The checks of Self Positioning (arXiv 2410.15035), on tiny models and hand examples."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from embedworks.embedder import Embedder, Lineage
from embedworks.errors import InputError
from embedworks.folder import weights_digest
from embedworks.objective import Start
from embedworks.systems.text_embedding.self_positioning import (
    SelfPositioning,
    fold_angles,
    gradient_conflict,
    spherical_coefficients,
)
from helpers.tiny import tiny_embedder

STEP = 1e-2


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[Path]:
    """A base and three models that moved away from it, each in its own direction."""
    root = tmp_path_factory.mktemp("positions")
    base = root / "base"
    tiny_embedder(base, layers=2, width=16)
    made = [base]
    for number in range(3):
        model = Embedder.load(base)
        generator = torch.Generator().manual_seed(number)
        with torch.no_grad():
            for parameter in model.encoder.parameters():
                parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
        made.append(model.save(root / f"model{number}"))
    return made


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(5, 60, (6, 8), generator=generator)
    mask = torch.ones_like(ids)
    return {
        "query_ids": ids,
        "query_mask": mask,
        "candidate_ids": ids.flip(1),
        "candidate_mask": mask,
        "source": torch.tensor([0, 1, 0, 1, 0, 1]),
    }


def search(folders: list[Path], models: int = 2, **config) -> SelfPositioning:
    start = Start(base=folders[0], parents=tuple(folders[1 : 1 + models]))
    return SelfPositioning(SelfPositioning.Config(compute="fp32", **config), start)


def mix(vectors: list[list[float]], a: list[float]) -> torch.Tensor:
    vectors_NP = torch.tensor(vectors, dtype=torch.float64)
    return (
        spherical_coefficients(vectors_NP @ vectors_NP.T, torch.tensor(a, dtype=torch.float64)) @ vectors_NP
    )


@pytest.mark.parametrize(("a", "expected"), [((1, 1), (0.7071, 0.7071)), ((3, 1), (0.9239, 0.3827))])
def test_hand_examples_of_the_spherical_mix(a, expected):
    assert mix([[1, 0], [0, 1]], list(a)).tolist() == pytest.approx(expected, abs=1e-4)


def test_parallel_vectors_mix_linearly():
    assert mix([[1, 1], [2, 2]], [1, 1]).tolist() == pytest.approx([1.5, 1.5])


def test_the_fold_s_angles_are_those_of_each_vector_and_the_mix_before_it():
    vectors_NP = torch.tensor([[2.0, 0, 0], [0, 2.0, 0], [0, 3.0, 3.0]], dtype=torch.float64)
    a_N = torch.tensor([1.0, 1.0, 5.0], dtype=torch.float64)
    # The mix of the first two lies half-way between them: its cosine with the third is 1 / 2.
    assert fold_angles(vectors_NP @ vectors_NP.T, a_N) == pytest.approx([90.0, 60.0], abs=1e-6)


def test_folding_is_not_associative():
    vectors = [[1.0, 0, 0], [0, 1.0, 0], [0.3, 0.1, 2.0]]
    assert not torch.allclose(mix(vectors, [1, 2, 3]), mix(vectors[::-1], [3, 2, 1]), atol=1e-3)


def test_lambda_scales_the_vector(folders):
    positioned = search(folders)
    one = positioned.mix_weights()
    with torch.no_grad():
        positioned.scale_1.fill_(2.0)
    assert torch.allclose(positioned.mix_weights(), 2 * one)


@pytest.mark.parametrize(("scale", "which"), [(1.0, 1), (0.0, 0)])
def test_one_model_at_lambda_one_is_itself_and_at_zero_the_base(folders, scale, which):
    positioned = search(folders, models=1, mu=0)
    with torch.no_grad():
        positioned.scale_1.fill_(scale)
    found = dict(positioned.embedder().encoder.named_parameters())
    for name, expected in Embedder.load(folders[which]).encoder.named_parameters():
        assert torch.allclose(found[name], expected, atol=1e-6), name


@pytest.mark.parametrize("per_tensor", [False, True])
def test_gradients_equal_finite_differences(folders, batch, per_tensor):
    positioned = search(folders, models=3, per_tensor=per_tensor, temperature=0.01).double()
    positioned.forward(batch)["loss"].backward()
    for parameter in (positioned.log_a_N, positioned.scale_1):
        for index in range(parameter.numel()):
            with torch.no_grad():
                parameter[index] += STEP
                above = positioned.forward(batch)["loss"]
                parameter[index] -= 2 * STEP
                below = positioned.forward(batch)["loss"]
                parameter[index] += STEP
            numeric = float(above - below) / (2 * STEP)
            # The scores are float32 by design, which bounds what a difference can resolve.
            assert float(parameter.grad[index]) == pytest.approx(numeric, rel=1e-3, abs=1e-4)


def test_the_graph_equals_the_chain_rule_through_theta(folders, batch):
    positioned = search(folders, mu=0.0)
    positioned.forward(batch)["loss"].backward()
    leaves = {
        name: value.detach().requires_grad_()
        for name, value in positioned.position(positioned.mix_weights()).items()
    }
    loss = positioned.contrastive(leaves, batch)
    slopes = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    weights = positioned.mix_weights()
    pull = torch.zeros(2)
    for name, slope in zip(leaves, slopes, strict=True):
        if slope is not None:
            pull += torch.stack([(slope * v).sum() for v in positioned.task_tensors(name)])
    by_hand = torch.autograd.grad((weights * pull).sum(), [positioned.log_a_N, positioned.scale_1])
    assert torch.allclose(by_hand[0], positioned.log_a_N.grad, rtol=1e-3, atol=1e-6)
    assert torch.allclose(by_hand[1], positioned.scale_1.grad, rtol=1e-3, atol=1e-6)


def test_mu_moves_the_gradient_of_lambda_alone(folders, batch):
    gradients = []
    for mu in (0.0, 0.25):
        positioned = search(folders, mu=mu)
        positioned.forward(batch)["loss"].backward()
        gradients.append((positioned.log_a_N.grad.clone(), positioned.scale_1.grad.clone()))
    assert torch.equal(gradients[0][0], gradients[1][0])
    assert float(gradients[1][1] - gradients[0][1]) == pytest.approx(0.25, abs=1e-6)


def test_only_n_plus_one_values_change_and_the_loss_falls(folders, batch):
    positioned = search(folders)
    fixed = {name: value.clone() for name, value in positioned.named_buffers()}
    assert sum(p.numel() for p in positioned.parameters()) == 3
    optimizer = torch.optim.Adam(positioned.parameters(), lr=0.05)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        losses.append(positioned.forward(batch)["loss"])
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]
    assert all(torch.equal(value, fixed[name]) for name, value in positioned.named_buffers())


def test_negatives_come_from_the_same_task(folders, batch):
    positioned = search(folders)
    theta = positioned.position(positioned.mix_weights())
    alone = [
        positioned.contrastive(theta, {k: v[batch["source"] == s] for k, v in batch.items()})
        for s in (0, 1)
    ]
    assert torch.allclose(positioned.contrastive(theta, batch), sum(alone) / 2, atol=1e-5)


def test_diagnostics_name_norms_angles_and_the_conflict(folders, batch):
    positioned = search(folders)
    positioned.train()
    positioned.forward(batch)
    numbers = positioned.diagnostics()
    assert {"lambda", "a/0", "a/1", "norm/0", "norm/1", "angle_degrees/0-1"} <= set(numbers)
    assert -1 <= numbers["gradient_cosine/0-1"] <= 1
    assert numbers["alpha/1"] == pytest.approx(numbers["angle_degrees/0-1"], abs=1e-3)
    angle = torch.tensor(numbers["angle_degrees/0-1"]).deg2rad()
    assert numbers["vector_cosine/0-1"] == pytest.approx(float(angle.cos()), abs=1e-5)
    same = {**batch, "source": torch.zeros(6, dtype=torch.long)}
    assert gradient_conflict(positioned, same) == {}


def test_a_model_from_another_start_is_refused(folders, tmp_path):
    stranger = Embedder.load(folders[1])
    stranger.lineage = Lineage(parents=[{"source": "elsewhere", "sha256": "0" * 64}])
    stranger.save(tmp_path / "stranger")
    with pytest.raises(InputError, match="not trained from the base"):
        search([folders[0], tmp_path / "stranger"], models=1)


def test_a_chain_of_models_needs_the_iterative_pipeline(folders, tmp_path):
    second = Embedder.load(folders[2])
    second.lineage = Lineage(parents=[{"source": "first", "sha256": weights_digest(folders[1])}])
    second.save(tmp_path / "second")
    chain = [folders[0], folders[1], tmp_path / "second"]
    with pytest.raises(InputError, match="iterative"):
        search(chain)
    assert search(chain, pipeline="iterative").log_a_N.numel() == 2


def test_another_shape_is_refused(folders, tmp_path):
    tiny_embedder(tmp_path / "wide", layers=2, width=32)
    with pytest.raises(InputError, match="other parameters"):
        search([folders[0], tmp_path / "wide"], models=1)


def test_the_merge_is_read_as_its_models_were_trained(folders, tmp_path):
    pairs = (((1, 8), (2, 16)), ((2, 16),))
    made = []
    for number, trained in enumerate(pairs, start=1):
        model = Embedder.load(folders[number])
        model.settings = model.settings.model_copy(update={"pooling": "cls", "pairs": trained})
        made.append(model.save(tmp_path / f"cls{number}"))
    settings = search([folders[0], *made]).embedder().settings
    assert (settings.pooling, settings.pairs) == ("cls", ((2, 16),))
    with pytest.raises(InputError, match="read alike"):
        search([folders[0], made[0], folders[2]])
