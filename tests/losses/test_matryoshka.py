from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from embedworks.errors import InputError
from embedworks.losses.contrastive import in_batch_loss
from embedworks.losses.matryoshka import (
    SizeDraws,
    Sizes,
    geometric_widths,
    independent_widths_loss,
    joint_width_loss,
    nested_widths_loss,
)

BASE = partial(in_batch_loss, temperature=0.05)


def base(q: Tensor, c: Tensor) -> Tensor:
    return BASE(q, c).loss


def nothing(q: Tensor, c: Tensor) -> Tensor:
    return q.sum() * 0 + c.sum() * 0


def some(seed: int = 0, rows: int = 4, width: int = 16) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    queries, candidates = torch.randn(2, rows, width, generator=generator).unbind()
    return queries, candidates


def test_sizes_are_the_same_for_all_who_know_seed_and_step() -> None:
    one, other = SizeDraws(3, 6, (8, 16, 32)), SizeDraws(3, 6, (8, 16, 32))
    drawn = []
    for step in range(1000):
        assert one.draw() == one.draw() == other.draw()
        drawn.append(one.draw())
        one.advance(step), other.advance(step)
    assert {sizes.layer for sizes in drawn} == {1, 2, 3, 4, 5}  # neither the embeddings nor the last
    assert {sizes.width for sizes in drawn} == {sizes.shallow_width for sizes in drawn} == {8, 16, 32}
    share = sum(sizes.width == sizes.shallow_width for sizes in drawn) / len(drawn)
    assert 0.25 < share < 0.42  # independent: a third
    assert SizeDraws(3, 600, (8, 16, 32)).draw() != SizeDraws(4, 600, (8, 16, 32)).draw()


def test_a_restarted_training_draws_on() -> None:
    draws = SizeDraws(3, 6, (8, 16))
    draws.advance(41)
    again = SizeDraws(3, 6, (8, 16))
    again.load_state_dict(draws.state_dict())
    assert again.draw() == draws.draw()


def test_there_must_be_something_to_draw() -> None:
    with pytest.raises(InputError, match="no shallower"):
        SizeDraws(0, 1, (8,))
    with pytest.raises(InputError, match="no width"):
        SizeDraws(0, 2, ())


def test_geometric_widths_stay_below_the_whole() -> None:
    assert geometric_widths(768) == (8, 16, 32, 64, 128, 256, 512)
    assert geometric_widths(128) == (8, 16, 32, 64)
    assert geometric_widths(8) == ()


@pytest.mark.parametrize("m", [1, 3, 11])
def test_a_shallow_layer_that_copies_the_last_has_no_kl(m: int) -> None:
    whole = some()
    losses = joint_width_loss(base, whole, whole, Sizes(m, 8, 8))
    assert float(losses["kl"]) == 0
    full, cut = base(*whole), base(*(side[:, :8] for side in whole))
    assert float(losses["loss"]) == pytest.approx(float((1 + 1 / m) * (full + cut)), rel=1e-6)


@pytest.mark.parametrize(
    ("m", "student", "kl_share"), [(1, 1, 1.0986123), (3, 1 / 3, 1.6094379), (11, 1 / 11, 2.5649494)]
)
def test_weights_of_a_depth(m: int, student: float, kl_share: float) -> None:
    whole, shallow = some(0), some(1)
    losses = joint_width_loss(base, whole, shallow, Sizes(m, 8, 8), temperature=1.0)
    expected = losses["whole"] + losses["whole_prefix"] + kl_share * losses["kl"]
    expected += student * (losses["shallow"] + losses["shallow_prefix"])
    assert float(losses["loss"]) == pytest.approx(float(expected), rel=1e-6)


def test_kl_over_coordinates_by_hand() -> None:
    # Teacher softmax([0, ln 2]) = [1/3, 2/3], student [1/2, 1/2]:
    # 1/3 ln(2/3) + 2/3 ln(4/3) = -0.13516 + 0.19179 = 0.05663, and ln(2 + 1) times that is 0.06222.
    teacher = torch.tensor([[0.0, math.log(2)]])
    losses = joint_width_loss(
        nothing, (teacher, teacher), (torch.zeros(1, 2), torch.zeros(1, 2)), Sizes(1, 1, 1)
    )
    assert float(losses["kl"]) == pytest.approx(0.0566330, abs=1e-6)
    assert float(losses["loss"]) == pytest.approx(0.0622177, abs=1e-6)


def test_a_temperature_divides_coordinates_and_weighs_the_kl() -> None:
    whole, shallow = some(0), some(1)
    losses = joint_width_loss(nothing, whole, shallow, Sizes(2, 8, 8), temperature=2.0, kl_weight=0.5)
    teacher, student = (torch.cat(sides) / 2 for sides in (whole, shallow))
    ratio = teacher.log_softmax(-1) - student.log_softmax(-1)
    kl = (teacher.softmax(-1) * ratio).sum(-1).mean()
    assert float(losses["loss"]) == pytest.approx(float(0.5 * 2 * math.log(4) * kl), rel=1e-5)


def test_another_teacher_takes_the_place_of_the_last_layer_in_the_kl_alone() -> None:
    whole, shallow, teacher = some(0), some(1), some(2)
    taught = joint_width_loss(base, whole, shallow, Sizes(2, 8, 8), teacher=teacher)
    plain = joint_width_loss(base, whole, shallow, Sizes(2, 8, 8))
    of_teacher = joint_width_loss(nothing, teacher, shallow, Sizes(2, 8, 8))
    assert taught["kl"] == of_teacher["kl"] != plain["kl"]
    assert torch.equal(taught["whole"], plain["whole"])


def test_prefixes_are_normalised_after_they_are_cut() -> None:
    # [3, 4, 12] at k = 2 is [3, 4], which scores as [0.6, 0.8]; of the unit vector [3, 4, 12] / 13 the
    # prefix would be [0.23, 0.31].
    queries = torch.tensor([[3.0, 4.0, 12.0]])
    candidates = torch.tensor([[0.6, 0.8, -5.0], [1.0, 0.0, 5.0]])
    seen = []

    def watched(q: Tensor, c: Tensor) -> Tensor:
        ranking = in_batch_loss(q, c, temperature=1.0)
        seen.append(ranking.scores_BN)
        return ranking.loss

    nested_widths_loss(watched, (queries, candidates), (2,))
    assert torch.allclose(seen[0], torch.tensor([[1.0, 0.6]]))


@pytest.mark.parametrize("detach", [True, False])
def test_the_kl_pulls_both_layers_or_the_shallow_one(detach: bool) -> None:
    for loss in (joint_width_loss, independent_widths_loss):
        whole, shallow = some(0), some(1)
        for side in (*whole, *shallow):
            side.requires_grad_()
        loss(nothing, whole, shallow, Sizes(1, 8, 8), detach_teacher=detach)["loss"].backward()
        assert all(side.grad.abs().sum() > 0 for side in shallow)
        assert all(bool(side.grad.abs().sum() == 0) is detach for side in whole)


def test_independent_widths_are_cut_each_by_itself() -> None:
    whole, shallow = some(0), some(1)
    losses = independent_widths_loss(base, whole, shallow, Sizes(2, 4, 8), kl_weight=0, prior_weight=3)
    first = base(*(side[:, :4] for side in whole))
    second = base(*(side[:, :8] for side in shallow))
    assert float(losses["loss"]) == pytest.approx(float(first + 3 * second / 2), rel=1e-6)


def test_nested_widths_are_summed() -> None:
    whole = some()
    losses = nested_widths_loss(base, whole, (4, 16))
    assert set(losses) == {"loss", "loss/4", "loss/16"}
    assert float(losses["loss"]) == pytest.approx(float(losses["loss/4"] + losses["loss/16"]))
    assert torch.equal(losses["loss/16"], base(*whole))


def test_any_base_loss_is_wrapped() -> None:
    losses = joint_width_loss(
        lambda q, c: nn.functional.mse_loss(q, c), some(0), some(1), Sizes(2, 4, 4), kl_weight=0
    )
    parts = [losses[name] for name in ("whole", "whole_prefix")]
    halves = [losses[name] / 2 for name in ("shallow", "shallow_prefix")]
    assert float(losses["loss"]) == pytest.approx(float(sum(parts) + sum(halves)), rel=1e-6)
