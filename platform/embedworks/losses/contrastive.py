"""In-batch contrastive losses: InfoNCE over own hard negatives and everybody else's candidates.

Vectors come in raw. Cosine normalises them here, that is after any slicing; a prefix of a unit vector
is not a unit vector.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from embedworks.losses.gather import first_row, gather_rows

Similarity = Literal["cosine", "dot"]

# Shape legend: B queries, G = B*group candidates (a query's positive first, then its negatives),
# Q and N the same of all workers, K candidates that are left of N, D width.


class Ranking(NamedTuple):
    """A loss and what it was computed from."""

    loss: Tensor
    scores_BN: Tensor
    targets_B: Tensor


def score_matrix(
    anchors_BD: Tensor, candidates_ND: Tensor, similarity: Similarity, temperature: float | Tensor = 1.0
) -> Tensor:
    """``s[i, j] = sim(a_i, c_j) / temperature`` as ``(B, N)`` float32, whatever the inputs' dtype."""
    anchors_BD, candidates_ND = anchors_BD.float(), candidates_ND.float()
    if similarity == "cosine":
        anchors_BD = nn.functional.normalize(anchors_BD, dim=-1)
        candidates_ND = nn.functional.normalize(candidates_ND, dim=-1)
    return anchors_BD @ candidates_ND.T / temperature


def paired_similarity(left_BD: Tensor, right_BD: Tensor, similarity: Similarity) -> Tensor:
    """Similarity of each row with its partner: ``(B,)`` float32."""
    left_BD, right_BD = left_BD.float(), right_BD.float()
    if similarity == "cosine":
        return nn.functional.cosine_similarity(left_BD, right_BD, dim=-1)
    return (left_BD * right_BD).sum(-1)


def group_targets(batch: int, group: int = 1, first: int = 0) -> Tensor:
    """``(B,)`` column of each query's positive: ``first + i * group``.

    Args:
        batch: Queries of this worker.
        group: Candidates a query brings along: its positive and its hard negatives.
        first: This worker's first column, where candidates are gathered; see :func:`.first_row`.
    """
    return first + torch.arange(batch) * group


def info_nce(
    anchors_BD: Tensor,
    candidates_ND: Tensor,
    targets_B: Tensor,
    temperature: float | Tensor = 1.0,
    similarity: Similarity = "dot",
) -> Tensor:
    """InfoNCE: mean over anchors of ``-log softmax_j(s[i, j])`` at ``j = target_i``.

    Args:
        anchors_BD: ``(B, D)`` queries.
        candidates_ND: ``(N, D)`` positives and negatives of all queries.
        targets_B: Column of each anchor's positive; see :func:`group_targets`.
        temperature: Divides the similarities; 0.05 is the "scale 20" of other libraries.
        similarity: ``cosine`` or ``dot``.

    Returns:
        Scalar, float32.

    Example:
        >>> eye = torch.eye(2)
        >>> float(info_nce(eye, eye, torch.arange(2)))  # log(1 + exp(-1))
        0.3132616877555847
    """
    scores_BN = score_matrix(anchors_BD, candidates_ND, similarity, temperature)
    return nn.functional.cross_entropy(scores_BN, targets_B.to(scores_BN.device))


def in_batch_loss(
    queries_BD: Tensor,
    candidates_GD: Tensor,
    *,
    temperature: float | Tensor = 0.05,
    similarity: Similarity = "cosine",
    two_way: bool = False,
    total: Literal["mean", "sum"] = "mean",
    gather: bool = True,
    detach_others: bool = False,
    smoothing: float = 0.0,
    negatives: float = 1.0,
) -> Ranking:
    """InfoNCE against the candidates of the whole batch, over all workers if ``gather``.

    Each worker returns the mean over its own queries; averaged gradients are those of the global mean
    (see :func:`~embedworks.losses.gather.gather_rows`).

    Args:
        queries_BD: ``(B, D)`` raw query vectors.
        candidates_GD: ``(B*group, D)`` raw candidates, each query's positive first.
        temperature: Divides the similarities; a tensor where it is trained, the same for both directions.
        similarity: ``cosine`` or ``dot``.
        two_way: Also rank all queries for each positive.
        total: What becomes of the two directions: CLIP takes the mean, ALIGN the sum.
        gather: Rank against the rows of all workers instead of this one's.
        detach_others: Let no gradient flow to the rows of other workers. Saves an all-reduce, and is
            then not the gradient of the global loss.
        smoothing: a; the target is ``1 - a + a / N`` for the positive and ``a / N`` for every other.
        negatives: Share of the other candidates that each query is ranked against, drawn anew.
    """
    collect, first = (gather_rows, first_row) if gather else (_as_is, _none_before)
    batch = queries_BD.shape[0]
    group = candidates_GD.shape[0] // batch

    def direction(anchors_BD: Tensor, others_GD: Tensor) -> Ranking:
        # Gathered in float32, so that the gradients of all workers are summed in float32.
        all_ND = collect(others_GD.float(), detach_others)
        own = group_targets(batch, len(others_GD) // batch, first(len(others_GD)))
        scores_BN = score_matrix(anchors_BD, all_ND, similarity, temperature)
        targets_B = own.to(scores_BN.device)
        loss = smoothed_cross_entropy(scores_BN, targets_B, smoothing, negatives)
        return Ranking(loss, scores_BN, targets_B)

    there = direction(queries_BD, candidates_GD)
    if not two_way:
        return there
    both = there.loss + direction(candidates_GD[::group], queries_BD).loss
    return there._replace(loss=both if total == "sum" else both / 2)


def own_negatives_loss(
    queries_BD: Tensor,
    candidates_GD: Tensor,
    *,
    temperature: float | Tensor = 0.05,
    similarity: Similarity = "cosine",
) -> Ranking:
    """InfoNCE against each query's own hard negatives alone; nothing of another sample counts.

    For batches in which another query's positive may be right as well, as examples of one class are.

    Args:
        queries_BD: ``(B, D)`` raw query vectors.
        candidates_GD: ``(B*group, D)`` raw candidates, each query's positive first.
        temperature: Divides the similarities.
        similarity: ``cosine`` or ``dot``.

    Returns:
        The loss, 0 without hard negatives, with ``(B, group)`` scores and targets 0.
    """
    queries_B1D = queries_BD.float().unsqueeze(1)
    own_BgD = candidates_GD.float().unflatten(0, (len(queries_BD), -1))
    if similarity == "cosine":
        queries_B1D, own_BgD = (nn.functional.normalize(x, dim=-1) for x in (queries_B1D, own_BgD))
    scores_Bg = (queries_B1D * own_BgD).sum(-1) / temperature
    targets_B = torch.zeros(len(scores_Bg), dtype=torch.int64, device=scores_Bg.device)
    return Ranking(nn.functional.cross_entropy(scores_Bg, targets_B), scores_Bg, targets_B)


def smoothed_cross_entropy(
    scores_BN: Tensor, targets_B: Tensor, smoothing: float = 0.0, negatives: float = 1.0
) -> Tensor:
    """Mean over rows of ``-sum_j q_ij log softmax_j(s_ij)``; see :func:`in_batch_loss`.

    ``q_ij = (1 - a) [j = target_i] + a / N``; with fewer negatives, N counts those that are left.
    """
    if negatives < 1:
        scores_BN, targets_B = thin_negatives(scores_BN, targets_B, negatives)
    return nn.functional.cross_entropy(scores_BN, targets_B, label_smoothing=smoothing)


def thin_negatives(scores_BN: Tensor, targets_B: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Each row's positive and a random ``share`` of its other columns: ``(B, K)``, positives first.

    Draws from torch's global random state.
    """
    kept = round(share * (scores_BN.shape[1] - 1))
    draws_BN = torch.rand_like(scores_BN).scatter_(1, targets_B[:, None], 2.0)
    columns_BK = draws_BN.topk(1 + kept, dim=1).indices
    return scores_BN.gather(1, columns_BK), torch.zeros_like(targets_B)


def _as_is(x_BD: Tensor, _detach_others: bool) -> Tensor:
    return x_BD


def _none_before(_rows: int) -> int:
    return 0
