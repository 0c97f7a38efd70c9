"""Softmax over a whole corpus, estimated from the documents of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embedworks.losses.contrastive import Ranking, Similarity, group_targets, score_matrix
from embedworks.losses.gather import first_row, gather_rows

# Shape legend: B queries, each with its document, N documents of all workers, D width.


def sampled_softmax_loss(
    queries_BD: Tensor,
    documents_BD: Tensor,
    documents_B: Tensor,
    log_q_B: Tensor | None = None,
    *,
    similarity: Similarity = "dot",
    temperature: float = 1.0,
    gather: bool = True,
) -> Ranking:
    """``mean_i -log softmax_j(f(q_i, d_j) / tau - log Q(d_j))`` at ``j = i``, over the whole batch.

    Q(d) is how likely a place of the batch is to hold d, so that frequent documents are no harder
    negatives than rare ones (sampled softmax, Bengio and Senecal, 2008; for two towers Yi et al., 2019).
    Other places that hold a query's own document are left out of its row: "accidental hits". Both are what
    ``SamplingProbabilityCorrection`` and ``RemoveAccidentalHits`` of TensorFlow Recommenders do.

    Args:
        queries_BD: ``(B, D)`` raw query vectors.
        documents_BD: ``(B, D)`` raw vectors of each query's document.
        documents_B: ``(B,)`` int64, equal for equal documents.
        log_q_B: ``(B,)`` log Q of each document; None where all are alike.
        similarity: ``dot``, or ``cosine``.
        temperature: tau.
        gather: Compare with the documents of all workers; see
            :func:`~embedworks.losses.gather.gather_rows`.

    Returns:
        The loss, the corrected ``(B, N)`` scores and each row's target.

    Example:
        >>> zeros = torch.zeros(3, 2)
        >>> log_q = torch.tensor([0.5, 0.25, 0.25]).log()
        >>> sampled_softmax_loss(zeros, zeros, torch.arange(3), log_q).scores_BN[0].softmax(0)
        tensor([0.2000, 0.4000, 0.4000])
    """
    own, first = documents_B, 0
    documents_ND, documents_N, log_q_N = documents_BD.float(), own, log_q_B
    if gather:
        documents_ND, documents_N = gather_rows(documents_ND), gather_rows(own)
        log_q_N = None if log_q_B is None else gather_rows(log_q_B)
        first = first_row(len(own))
    scores_BN = score_matrix(queries_BD, documents_ND, similarity, temperature)
    if log_q_N is not None:
        scores_BN = scores_BN - log_q_N.float()
    targets_B = group_targets(len(own), first=first).to(scores_BN.device)
    hits_BN = own[:, None] == documents_N[None, :]
    hits_BN[torch.arange(len(own)), targets_B] = False
    scores_BN = scores_BN.masked_fill(hits_BN, float("-inf"))
    return Ranking(nn.functional.cross_entropy(scores_BN, targets_B), scores_BN, targets_B)
