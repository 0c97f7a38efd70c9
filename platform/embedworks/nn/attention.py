"""What a decoder's tokens see of each other: those in front of them, all of them, or a prefix both ways.

The switch is a flag of the model's own configuration, not another class: ``config.is_causal``, which
transformers reads and ``config.json`` keeps, so that whoever opens the folder attends alike. ``prefix``
adds ``config.attention_prefix``, the marks of an instruction (:mod:`embedworks.nn.instructions`): an
instruction's tokens see each other both ways, and what follows sees what is in front of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from embedworks.errors import InputError
from embedworks.nn.instructions import Marks

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Attention = Literal["causal", "bidirectional", "prefix"]

# Shape legend: B texts, T tokens of a padded text.

DECODERS = ("gpt2", "llama", "mistral", "qwen2", "qwen3")  # tried; all read config.is_causal
PREFIX = "attention_prefix"


def is_decoder(model: PreTrainedModel) -> bool:
    """Whether the model is a decoder-only language model whose attention can be switched."""
    return model.config.model_type in DECODERS


def set_attention(model: PreTrainedModel, kind: Attention, prefix: Marks | None = None) -> None:
    """Switch what tokens see, in place; weights stay as they are.

    Args:
        model: A decoder of :data:`DECODERS`.
        kind: ``causal``, ``bidirectional`` or ``prefix``.
        prefix: What a prefix is, for ``prefix``.

    Raises:
        InputError: for another architecture.
        ValueError: for ``prefix`` without marks.
    """
    if not is_decoder(model):
        raise InputError(
            f"the attention of a {model.config.model_type!r} model cannot be switched",
            expected=f"a decoder, one of {', '.join(DECODERS)}",
        )
    if kind == "prefix" and prefix is None:
        raise ValueError("attention to a prefix needs the marks of one")
    config: Any = model.config
    config.is_causal = kind != "bidirectional"
    marks = {"begin": list(prefix.begin), "end": list(prefix.end)} if kind == "prefix" and prefix else None
    setattr(config, PREFIX, marks)


def attention_kind(model: PreTrainedModel) -> Attention:
    """What tokens see; encoders are ``bidirectional``."""
    if not is_decoder(model) or not getattr(model.config, "is_causal", True):
        return "bidirectional"
    return "prefix" if getattr(model.config, PREFIX, None) else "causal"


def attention_of(model: PreTrainedModel, input_ids_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
    """The mask to hand to the model: the one of padding, or ``(B, 1, T, T)`` where there is a prefix.

    Raises:
        InputError: for a prefix with an attention kernel that takes no mask of pairs.
    """
    found = getattr(model.config, PREFIX, None)
    if not found or not is_decoder(model):
        return attention_mask_BT
    marks = Marks(tuple(found["begin"]), tuple(found["end"]))
    length_B = marks.lengths(input_ids_BT, attention_mask_BT)
    return mask_for_kernel(model, prefix_mask(attention_mask_BT, length_B))


def mask_for_kernel(model: PreTrainedModel, seen_B1TT: Tensor) -> Tensor:
    """A boolean mask of pairs of positions as the model's attention reads it.

    Raises:
        InputError: for an attention kernel that takes none.
    """
    kernel = model.config._attn_implementation
    if kernel == "sdpa":
        return seen_B1TT
    if kernel == "eager":  # it adds the mask to the scores
        dtype = next(model.parameters()).dtype
        return torch.zeros_like(seen_B1TT, dtype=dtype).masked_fill(~seen_B1TT, torch.finfo(dtype).min)
    raise InputError(
        f"attention kernel {kernel!r} takes no mask for pairs of positions", expected="sdpa or eager"
    )


def prefix_mask(attention_mask_BT: Tensor, length_B: Tensor) -> Tensor:
    """``(B, 1, T, T)`` boolean: true where a token may see another.

    All see what is in front of them and themselves; the first ``length_B`` tokens see each other. Nobody
    sees padding but itself: a position that saw nothing would become NaN.
    """
    places_T = torch.arange(attention_mask_BT.shape[1], device=attention_mask_BT.device)
    before_TT = places_T[:, None] >= places_T[None, :]
    in_prefix_BT = places_T < length_B[:, None]
    both_BTT = in_prefix_BT[:, :, None] & in_prefix_BT[:, None, :]
    real_B1T = attention_mask_BT[:, None, :].bool()
    itself_TT = places_T[:, None] == places_T[None, :]
    return (((before_TT | both_BTT) & real_B1T) | itself_TT).unsqueeze(1)
