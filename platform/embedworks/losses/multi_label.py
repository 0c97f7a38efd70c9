"""Labels of which a text may have any number, where the lists of labels are incomplete."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from embedworks.losses.gather import gather_rows, row_counts

# Shape legend: N texts, K labels.


def multi_label_loss(
    logits_NK: Tensor,
    listed_NK: Tensor,
    known_N: Tensor,
    *,
    positive_weight: float = 1.0,
    negative_weight: float = 1.0,
    gather: bool = False,
) -> Tensor:
    """Binary cross-entropy of every label, summed over labels, its mean over the texts that have a list.

    ``l_n = -sum_k [y_nk w+ log s_nk + (1 - y_nk) w- log(1 - s_nk)]`` with ``s = sigmoid(logits)``. A label
    that is not listed may be missing from the list: ``w- < 1`` makes it a weak negative.

    Args:
        logits_NK: Before the sigmoid; taken in float32.
        listed_NK: 1 for listed labels, 0 for others.
        known_N: Whether a text has a list; one without adds nothing.
        positive_weight: w+, of listed labels, which are few.
        negative_weight: w-, of all others.
        gather: Divide by the texts with a list of all workers, so that averaging their losses gives the
            mean over all of them.

    Returns:
        A scalar; 0 where no text has a list.
    """
    known_N = known_N.bool()
    z_nK, y_nK = logits_NK[known_N].float(), listed_NK[known_N].float()
    losses_nK = positive_weight * y_nK * F.softplus(-z_nK) + negative_weight * (1 - y_nK) * F.softplus(z_nK)
    # Without a text with a list, the sum over nothing is 0 and still knows its graph.
    total = losses_nK.sum(1).sum()
    if not gather:
        return total / known_N.sum().clamp(min=1)
    counts = row_counts(len(known_N))
    share = len(known_N) / sum(counts)  # by which the engine weighs this worker's loss
    known = gather_rows(known_N.to(torch.float32)).sum().clamp(min=1)
    return total / (share * known)
