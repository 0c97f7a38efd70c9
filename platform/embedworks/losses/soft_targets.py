"""Supervised contrastive loss whose targets are spread by how alike the labels are.

Burdisso et al., Dialog2Flow (arXiv 2410.18481). A label that two pairs share, and labels that mean nearly
the same, share a row's mass; nothing with the right label is taken for a negative.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embedworks.losses.contrastive import score_matrix
from embedworks.losses.gather import gather_rows

# Shape legend: B pairs of this worker, N of all workers, D width, Y labels, E width of a label's vector.


def soft_targets(labels_NE: Tensor, temperature: float) -> Tensor:
    """``T_ij = softmax_j(cos(u_i, u_j) / temperature)``, ``(N, N)`` float32 without gradient.

    The diagonal is among the columns, so a row of equal labels is uniform.

    Example:
        >>> u = torch.tensor([[1.0, 0.0], [0.5, 0.75**0.5]])  # a cosine of 0.5
        >>> soft_targets(u, 0.5)[0]
        tensor([0.7311, 0.2689])
    """
    labels_NE = labels_NE.detach()
    return score_matrix(labels_NE, labels_NE, "cosine", temperature).softmax(dim=1)


def hard_targets(labels_N: Tensor) -> Tensor:
    """``T_ij = [y_i = y_j] / #{k: y_k = y_i}``: the limit of :func:`soft_targets` at temperature 0.

    Args:
        labels_N: Numbers of the labels.
    """
    equal_NN = (labels_N[:, None] == labels_N[None, :]).float()
    return equal_NN / equal_NN.sum(dim=1, keepdim=True)


def target_cross_entropy(scores_NN: Tensor, targets_NN: Tensor) -> Tensor:
    """Mean over both directions of ``-sum_j T_ij log softmax_j(S_ij)``, the second with S transposed.

    The targets are the same for both: they are of labels, which a pair's two sides share.

    Args:
        scores_NN: Similarities of anchors (rows) and partners (columns), over the temperature.
        targets_NN: Rows that sum to 1.
    """
    there = nn.functional.cross_entropy(scores_NN, targets_NN)
    back = nn.functional.cross_entropy(scores_NN.T, targets_NN)
    return (there + back) / 2


def labelled_contrastive_loss(
    anchors_BD: Tensor,
    partners_BD: Tensor,
    labels_B: Tensor,
    table_YE: Tensor | None,
    *,
    temperature: float = 0.05,
    target_temperature: float = 0.35,
    gather: bool = True,
) -> Tensor:
    """The loss over the pairs of all workers, or of this one's alone without ``gather``.

    Every worker computes the whole loss. The official code keeps other workers' rows free of gradient and
    multiplies by the number of workers; here gradients flow through the gathering instead, which
    after averaging is the same gradient (see :func:`.gather_rows`), also where shares are unequal.

    Args:
        anchors_BD: ``(B, D)`` raw vectors.
        partners_BD: ``(B, D)`` raw vectors of other texts with the same labels.
        labels_B: ``(B,)`` numbers of labels.
        table_YE: ``(Y, E)`` vector of each label's text; None for hard targets.
        temperature: Of the scores.
        target_temperature: Of the targets.
        gather: Compare with the pairs of all workers.
    """
    if gather:
        anchors_BD, partners_BD = gather_rows(anchors_BD.float()), gather_rows(partners_BD.float())
        labels_B = gather_rows(labels_B)
    scores_NN = score_matrix(anchors_BD, partners_BD, "cosine", temperature)
    with torch.no_grad():
        if table_YE is None:
            targets_NN = hard_targets(labels_B)
        else:
            targets_NN = soft_targets(table_YE[labels_B], target_temperature)
    return target_cross_entropy(scores_NN, targets_NN)
