import math

import pytest
import torch

from embedworks.losses.contrastive import (
    group_targets,
    in_batch_loss,
    info_nce,
    own_negatives_loss,
    paired_similarity,
    score_matrix,
    smoothed_cross_entropy,
    thin_negatives,
)


def test_info_nce_by_hand() -> None:
    anchors = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    candidates = torch.tensor([[3.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    # Rows of scores: [3, 1, 0] with target 0 and [0, 2, 2] with target 2, all divided by 2.
    first = math.log(1 + math.exp(-1) + math.exp(-1.5))
    second = math.log(2 + math.exp(-1))
    loss = info_nce(anchors, candidates, torch.tensor([0, 2]), temperature=2.0, similarity="dot")
    assert float(loss) == pytest.approx((first + second) / 2, abs=1e-6)


def test_cosine_ignores_length_and_dot_does_not() -> None:
    a, c = torch.randn(3, 4), torch.randn(5, 4)
    assert torch.allclose(score_matrix(a, c, "cosine"), score_matrix(7 * a, 0.1 * c, "cosine"), atol=1e-6)
    assert not torch.allclose(score_matrix(a, c, "dot"), score_matrix(7 * a, 0.1 * c, "dot"))


def test_scores_are_float32_for_bfloat16_vectors() -> None:
    a = torch.randn(2, 8).bfloat16()
    assert score_matrix(a, a, "dot").dtype == torch.float32
    assert in_batch_loss(a, a).loss.dtype == torch.float32


def test_group_targets_skip_negatives_and_earlier_ranks() -> None:
    assert group_targets(3, group=4).tolist() == [0, 4, 8]
    assert group_targets(3, group=4, first=24).tolist() == [24, 28, 32]


def test_in_batch_loss_ranks_own_negatives() -> None:
    queries, candidates = torch.randn(2, 4), torch.randn(6, 4)
    ranking = in_batch_loss(queries, candidates, temperature=1.0, similarity="dot")
    assert ranking.scores_BN.shape == (2, 6)
    assert ranking.targets_B.tolist() == [0, 3]
    expected = info_nce(queries, candidates, torch.tensor([0, 3]), 1.0, "dot")
    assert torch.equal(ranking.loss, expected)


def test_two_way_is_the_mean_of_both_directions() -> None:
    queries, candidates = torch.randn(3, 4), torch.randn(6, 4)
    there = in_batch_loss(queries, candidates).loss
    back = info_nce(candidates[::2], queries, torch.arange(3), 0.05, "cosine")
    both = in_batch_loss(queries, candidates, two_way=True).loss
    assert float(both) == pytest.approx(float(there + back) / 2, abs=1e-5)


def test_paired_similarity_is_the_diagonal() -> None:
    a, c = torch.randn(4, 5), torch.randn(4, 5)
    for kind in ("cosine", "dot"):
        assert torch.allclose(paired_similarity(a, c, kind), score_matrix(a, c, kind).diagonal(), atol=1e-6)


def test_smoothing_spreads_its_share_over_all_candidates() -> None:
    scores, targets = torch.randn(3, 5), torch.tensor([4, 0, 2])
    wanted = torch.full((3, 5), 0.2 / 5)
    wanted[torch.arange(3), targets] += 0.8
    by_hand = -(wanted * scores.log_softmax(-1)).sum(-1).mean()
    assert torch.allclose(smoothed_cross_entropy(scores, targets, 0.2), by_hand)


def test_the_total_may_be_a_sum() -> None:
    queries, candidates = torch.randn(3, 4), torch.randn(3, 4)
    mean = in_batch_loss(queries, candidates, two_way=True).loss
    total = in_batch_loss(queries, candidates, two_way=True, total="sum").loss
    assert torch.allclose(total, 2 * mean)


def test_thinned_negatives_keep_the_positive_and_a_share_of_the_others() -> None:
    scores = torch.arange(18.0).reshape(2, 9)
    kept, targets = thin_negatives(scores, torch.tensor([3, 0]), share=0.25)
    assert kept.shape == (2, 3)
    assert targets.tolist() == [0, 0]
    assert kept[:, 0].tolist() == [3, 9]
    assert all(len(set(row)) == 3 for row in kept.tolist())
    assert set(kept[0].tolist()) < set(scores[0].tolist())


def test_own_negatives_by_hand_and_without_others() -> None:
    # Cosines .8 and .5 at temperature .05: log(1 + exp(20 * (.5 - .8))) = log(1 + e^-6) = .00248.
    query = torch.tensor([[1.0, 0.0]])
    own = torch.tensor([[0.8, 0.6], [0.5, math.sqrt(0.75)]])
    assert float(own_negatives_loss(query, own).loss) == pytest.approx(0.00248, abs=1e-5)
    both = own_negatives_loss(torch.cat([query, query.flip(1)]), torch.cat([own, own.flip(1)]))
    assert float(both.loss) == pytest.approx(0.00248, abs=1e-5)
    assert both.scores_BN.shape == (2, 2)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_of_one_query_own_negatives_are_all_that_a_batch_has(similarity) -> None:
    torch.manual_seed(0)
    query, own = torch.randn(1, 6), torch.randn(4, 6)
    ours = own_negatives_loss(query, own, temperature=0.1, similarity=similarity)
    theirs = in_batch_loss(query, own, temperature=0.1, similarity=similarity)
    assert torch.allclose(ours.loss, theirs.loss)


def test_without_own_negatives_there_is_no_loss() -> None:
    queries = torch.randn(3, 6, requires_grad=True)
    ranking = own_negatives_loss(queries, torch.randn(3, 6))
    ranking.loss.backward()
    assert float(ranking.loss.detach()) == 0
    assert queries.grad is not None
    assert queries.grad.abs().max() == 0
