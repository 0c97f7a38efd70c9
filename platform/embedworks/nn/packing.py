"""Several documents in one row, none of which sees another: attention, encoders and pooling.

Rows are made by :mod:`embedworks.transforms.packing`; ``segment_ids`` number the documents of a row from
1, from left to right and without a gap, and are 0 in the padding behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from embedworks.errors import InputError
from embedworks.nn.attention import mask_for_kernel
from embedworks.nn.pooling import POOLINGS, Pooling

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Shape legend: B rows, T positions of a row, D width, N documents of all rows, M their tokens.

PLAIN = ("bert", "electra")
OFFSET = ("roberta", "xlm-roberta")  # their positions count from padding_idx + 1
FAMILIES = (*PLAIN, *OFFSET, "deberta-v2", "modernbert")


def block_mask(segment_ids_BT: Tensor) -> Tensor:
    """``(B, 1, T, T)`` boolean: true where a position may attend to another, which is in its document.

    Padding attends to padding: a position that attended to nothing would become NaN, and a NaN reaches
    the documents even with weight 0.
    """
    return (segment_ids_BT[:, :, None] == segment_ids_BT[:, None, :]).unsqueeze(1)


def packed_states(
    model: PreTrainedModel, input_ids_BT: Tensor, position_ids_BT: Tensor, segment_ids_BT: Tensor
) -> Tensor:
    """Last hidden states of packed rows: those that each document would have alone.

    Args:
        model: An encoder of one of :data:`FAMILIES`.
        input_ids_BT: Token ids.
        position_ids_BT: Positions, starting at 0 for every document.
        segment_ids_BT: Documents.

    Returns:
        ``(B, T, D)``; states of the padding mean nothing.

    Raises:
        InputError: for an architecture or attention kernel that cannot keep documents apart.
    """
    model_type, mask_B1TT = model.config.model_type, block_mask(segment_ids_BT)
    if model_type == "deberta-v2":
        return _deberta_states(model, input_ids_BT, position_ids_BT, segment_ids_BT, mask_B1TT)
    if model_type not in FAMILIES:
        raise InputError(
            f"documents cannot be packed for a {model_type!r} model",
            expected=f"one of {', '.join(FAMILIES)}",
            name=model_type,
            known=FAMILIES,
        )
    if model_type in OFFSET:
        embeddings: Any = model.embeddings
        position_ids_BT = position_ids_BT + embeddings.padding_idx + 1
    mask: Any = mask_for_kernel(model, mask_B1TT)
    if model_type == "modernbert":
        near_TT = _distances(mask_B1TT) <= model.config.sliding_window
        sliding = mask_for_kernel(model, mask_B1TT & near_TT)
        mask = {"full_attention": mask, "sliding_attention": sliding}
    output = model(input_ids=input_ids_BT, attention_mask=mask, position_ids=position_ids_BT)
    states_BTD: Tensor = output.last_hidden_state
    return states_BTD


def pool_segments(states_BTD: Tensor, segment_ids_BT: Tensor, pooling: Pooling) -> Tensor:
    """One vector a document, as :func:`embedworks.nn.pooling.pool` makes it from the document alone.

    Args:
        states_BTD: States of packed rows.
        segment_ids_BT: Their documents.
        pooling: ``mean``, ``cls`` (a document's first token), ``max``, ``last`` or ``weighted-mean``.

    Returns:
        ``(N, D)`` in the dtype of the states, row by row and from left to right; the mean is taken in
        float32.

    Raises:
        ValueError: for an unknown pooling.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"unknown pooling {pooling!r}; expected one of {POOLINGS}")
    real_BT = segment_ids_BT > 0
    outside_B1 = segment_ids_BT.new_zeros(len(segment_ids_BT), 1)
    if pooling == "cls":
        before_BT = torch.cat([outside_B1, segment_ids_BT[:, :-1]], dim=1)
        return states_BTD[real_BT & (segment_ids_BT != before_BT)]
    behind_BT = torch.cat([segment_ids_BT[:, 1:], outside_B1], dim=1)
    ends_BT = real_BT & (segment_ids_BT != behind_BT)
    if pooling == "last":
        return states_BTD[ends_BT]
    ends_M = ends_BT[real_BT]
    document_M = ends_M.cumsum(0) - ends_M.long()
    return _reduce(states_BTD[real_BT], document_M, int(ends_M.sum()), pooling)


def _reduce(states_MD: Tensor, document_M: Tensor, documents: int, pooling: Pooling) -> Tensor:
    shape = (documents, states_MD.shape[-1])
    if pooling == "max":
        index_MD = document_M[:, None].expand_as(states_MD)
        return states_MD.new_zeros(shape).scatter_reduce(
            0, index_MD, states_MD, reduce="amax", include_self=False
        )
    count_N = torch.bincount(document_M, minlength=documents)
    weight_M = torch.ones_like(document_M)
    if pooling == "weighted-mean":
        first_N = count_N.cumsum(0) - count_N
        weight_M = torch.arange(1, len(document_M) + 1, device=document_M.device) - first_N[document_M]
    total_ND = states_MD.new_zeros(shape, dtype=torch.float32)
    total_ND = total_ND.index_add(0, document_M, states_MD.float() * weight_M[:, None])
    weight_N = torch.zeros_like(count_N).index_add(0, document_M, weight_M)
    return (total_ND / weight_N[:, None]).to(states_MD.dtype)


def _distances(mask_B1TT: Tensor) -> Tensor:
    places_T = torch.arange(mask_B1TT.shape[-1], device=mask_B1TT.device)
    return (places_T[:, None] - places_T[None, :]).abs()


def _deberta_states(
    model: Any, input_ids_BT: Tensor, position_ids_BT: Tensor, segment_ids_BT: Tensor, mask_B1TT: Tensor
) -> Tensor:
    """DeBERTa's own forward pass reads one mask twice, and its embeddings want another shape of it."""
    if getattr(model.config, "conv_kernel_size", 0):
        raise InputError(
            "documents cannot be packed for a DeBERTa with a convolution, which mixes neighbours",
            expected="conv_kernel_size 0",
        )
    embedded_BTD = model.embeddings(
        input_ids=input_ids_BT, position_ids=position_ids_BT, mask=segment_ids_BT > 0
    )
    states_BTD: Tensor = model.encoder(embedded_BTD, mask_B1TT).last_hidden_state
    return states_BTD
