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
# Q and N the same of all workers, D width.


class Ranking(NamedTuple):
    """A loss and what it was computed from."""

    loss: Tensor
    scores_BN: Tensor
    targets_B: Tensor


def score_matrix(
    anchors_BD: Tensor, candidates_ND: Tensor, similarity: Similarity, temperature: float = 1.0
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
    temperature: float = 1.0,
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
    temperature: float = 0.05,
    similarity: Similarity = "cosine",
    two_way: bool = False,
    gather: bool = True,
) -> Ranking:
    """InfoNCE against the candidates of the whole batch, over all workers if ``gather``.

    Each worker returns the mean over its own queries; averaged gradients are those of the global mean
    (see :func:`~embedworks.losses.gather.gather_rows`).

    Args:
        queries_BD: ``(B, D)`` raw query vectors.
        candidates_GD: ``(B*group, D)`` raw candidates, each query's positive first.
        temperature: Divides the similarities.
        similarity: ``cosine`` or ``dot``.
        two_way: Also rank all queries for each positive; the loss is the mean of both directions.
        gather: Rank against the rows of all workers instead of this one's.
    """
    collect, first = (gather_rows, first_row) if gather else (_as_is, _none_before)
    batch = queries_BD.shape[0]
    group = candidates_GD.shape[0] // batch
    # Gathered in float32, so that the gradients of all workers are summed in float32.
    all_ND = collect(candidates_GD.float())
    targets_B = group_targets(batch, group, first(len(candidates_GD))).to(queries_BD.device)
    scores_BN = score_matrix(queries_BD, all_ND, similarity, temperature)
    loss = nn.functional.cross_entropy(scores_BN, targets_B)
    if two_way:
        all_QD, own_B = collect(queries_BD.float()), group_targets(batch, first=first(batch))
        back = info_nce(candidates_GD[::group], all_QD, own_B, temperature, similarity)
        loss = (loss + back) / 2
    return Ranking(loss, scores_BN, targets_B)


def _as_is(x_BD: Tensor) -> Tensor:
    return x_BD


def _none_before(_rows: int) -> int:
    return 0
