"""Dropout of a pre-trained model, changed for a training and no part of what is saved."""

from __future__ import annotations

from torch import nn


def set_dropout(model: nn.Module, rate: float) -> None:
    """Let attention and hidden layers drop at a rate, in place; the model's configuration stays.

    Decoders come without dropout, and unsupervised SimCSE has no other augmentation. Attention of
    transformers keeps its rate as a number, ``attention_dropout``; what else drops is ``nn.Dropout``.
    """
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
        elif isinstance(getattr(module, "attention_dropout", None), float | int):
            module.attention_dropout = rate  # type: ignore[assignment]
