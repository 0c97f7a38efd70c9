from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from embedworks.losses.espresso import compression_loss, espresso_loss, principal_vectors


def base(q: Tensor, c: Tensor) -> Tensor:
    return (q - c).square().mean()


def layers(count: int = 3) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [tuple(torch.randn(2, 4, 8, generator=generator).unbind()) for _ in range(count)]


def test_principal_vectors_are_those_of_the_softened_gram_matrix() -> None:
    vectors = torch.cat(layers(1)[0])
    found = principal_vectors(vectors, 8)
    soft = (vectors.T @ vectors / math.sqrt(8)).softmax(-1)
    # At full rank (M U S)(M U S)^T = M A A^T M^T, whatever the signs.
    assert torch.allclose(found @ found.T, vectors @ soft @ soft.T @ vectors.T, atol=1e-4)
    assert torch.allclose(principal_vectors(vectors, 3), found[:, :3], atol=1e-5)


def test_principal_vectors_by_hand() -> None:
    # M = sqrt(sqrt 2 ln 3) [1, 0]: M^T M / sqrt 2 = [[ln 3, 0], [0, 0]], rows softened
    # A = [[3/4, 1/4], [1/2, 1/2]]. A A^T = [[10, 8], [8, 8]] / 16 has the eigenvalue (9 + sqrt 65) / 16,
    # s = 1.03258, with u = (8, (9 + sqrt 65) - 10) / norm = (0.74968, 0.66180).
    size = math.sqrt(math.sqrt(2) * math.log(3))
    found = principal_vectors(torch.tensor([[size, 0.0]]), 1)
    assert float(found) == pytest.approx(size * 0.74968 * 1.03258, rel=1e-4)


def test_the_target_of_a_compression_is_not_taught() -> None:
    vectors = torch.cat(layers(1)[0]).requires_grad_()
    compression_loss(vectors, 3).backward()
    assert vectors.grad is not None
    assert vectors.grad[:, :3].abs().sum() > 0
    assert vectors.grad[:, 3:].abs().sum() == 0


def test_a_compression_is_squared_error_and_kl() -> None:
    vectors = torch.cat(layers(1)[0])
    target, cut = principal_vectors(vectors, 3), vectors[:, :3]
    squared = (target - cut).square().mean()
    ratio = (target / 2).log_softmax(-1) - (cut / 2).log_softmax(-1)
    kl = ((target / 2).softmax(-1) * ratio).sum(-1).mean()
    assert float(compression_loss(vectors, 3, temperature=0)) == pytest.approx(float(squared), rel=1e-5)
    assert float(compression_loss(vectors, 3, temperature=2)) == pytest.approx(
        float(squared + 2 * kl), rel=1e-5
    )


def test_layers_are_weighed_by_their_depth() -> None:
    given = layers()
    losses = espresso_loss(base, given, 3, temperature=1.0, kl_weight=0.5)

    def part(sides: tuple[Tensor, Tensor]) -> Tensor:
        return base(*(side[:, :3] for side in sides)) + 0.5 * compression_loss(torch.cat(sides), 3)

    # Layers 1 and 2 of 3: 1 / (1 + ln 2) = 0.59062 and 1 / (1 + ln 3) = 0.47652, halved.
    expected = base(*given[-1]) + part(given[-1])
    expected += (0.5906161 * part(given[0]) + 0.4765054 * part(given[1])) / 2
    assert float(losses["loss"]) == pytest.approx(float(expected), rel=1e-5)
    assert set(losses) == {"loss", "whole", "prefix", "compression"}


def test_every_layer_is_taught() -> None:
    given = [tuple(nn.Parameter(side) for side in sides) for sides in layers()]
    espresso_loss(base, given, 3)["loss"].backward()
    for number, sides in enumerate(given):
        for side in sides:
            assert side.grad[:, :3].abs().sum() > 0
            assert bool(side.grad[:, 3:].abs().sum() > 0) is (number == 2)  # the whole: of the last alone
