"""How unlikely a language model finds texts: perplexity, or pseudo-perplexity of a masked model.

Legend: B rows of a batch, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

from embedworks.errors import InputError
from embedworks.folder import load_tokenizer, refuse_pickles
from embedworks.inference.batches import pad, plan_batches

BATCH_TOKENS = 1024  # logits of 50,000 words for these are 200 MB
CAUSAL, MASKED = ("ForCausalLM", "LMHeadModel"), ("ForMaskedLM",)


class PerplexityScorer:
    """Perplexities by a model folder; pickles to its settings and loads in the process that scores.

    A causal model gives ``exp`` of the mean negative log-likelihood of all tokens but the first; a masked
    one the same over its tokens, each masked in turn (pseudo-perplexity, Salazar et al., 2020), which
    costs a forward pass a token.

    Args:
        folder: A causal or masked language model with safetensors and a tokenizer.
        max_tokens: A text is cut after so many tokens, or after what the model can read.

    Raises:
        InputError: for pickled or missing weights, and for a model without a language-model head.
    """

    def __init__(self, folder: Path, max_tokens: int = 512) -> None:
        refuse_pickles(folder)
        self.folder = folder
        self.max_tokens = max_tokens
        self.masked = _is_masked(folder)

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """``(N,)`` perplexities in float64; NaN where a text has nothing to predict."""
        model = _load(self.folder, self.masked)
        ids, special = model.tokens(texts, self.max_tokens)
        score = _pseudo_losses if self.masked else _losses
        perplexities_N: np.ndarray = np.exp(score(model, ids, special))
        return perplexities_N


@dataclass(frozen=True)
class _Model:
    net: Any
    tokenizer: Any

    def tokens(self, texts: Sequence[str], max_tokens: int) -> tuple[list[list[int]], list[list[int]]]:
        """Token ids of each text, and which of them are special."""
        readable = getattr(self.net.config, "max_position_embeddings", None) or max_tokens
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=min(max_tokens, readable, self.tokenizer.model_max_length),
            return_special_tokens_mask=True,
        )
        return encoded["input_ids"], encoded["special_tokens_mask"]

    @torch.inference_mode()
    def losses(self, ids: Sequence[list[int]], targets_BT: Tensor) -> Tensor:
        """``(B, T)`` negative log-likelihoods of targets; 0 where the target is -100."""
        input_ids_BT, mask_BT = pad(ids, self.tokenizer.pad_token_id or 0)
        logits_BTV = self.net(input_ids=input_ids_BT, attention_mask=mask_BT).logits.float()
        return F.cross_entropy(logits_BTV.transpose(1, 2), targets_BT, reduction="none")


def _losses(model: _Model, ids: list[list[int]], _special: list[list[int]]) -> np.ndarray:
    """Each text's mean loss over its tokens but the first."""
    means = np.full(len(ids), np.nan)
    scored = [index for index, tokens in enumerate(ids) if len(tokens) > 1]
    for batch in plan_batches([len(ids[index]) for index in scored], BATCH_TOKENS):
        rows = [scored[place] for place in batch]
        longest = max(len(ids[row]) for row in rows)
        # What stands at a position is predicted there; the targets are the tokens, moved by one.
        targets_BT = torch.full((len(rows), longest), -100)
        for place, row in enumerate(rows):
            targets_BT[place, : len(ids[row]) - 1] = torch.tensor(ids[row][1:])
        sums_B = model.losses([ids[row] for row in rows], targets_BT).double().sum(1)
        means[rows] = sums_B.numpy() / [len(ids[row]) - 1 for row in rows]
    return means


def _pseudo_losses(model: _Model, ids: list[list[int]], special: list[list[int]]) -> np.ndarray:
    """Each text's mean loss over its tokens that are not special, each masked in turn."""
    means = np.full(len(ids), np.nan)
    for index, (tokens, skipped) in enumerate(zip(ids, special, strict=True)):
        places = [place for place, is_special in enumerate(skipped) if not is_special]
        if places:
            total = sum(
                float(model.losses(*one).double().sum()) for one in _masked_copies(model, tokens, places)
            )
            means[index] = total / len(places)
    return means


def _masked_copies(
    model: _Model, tokens: list[int], places: list[int]
) -> Iterator[tuple[list[list[int]], Tensor]]:
    """Batches of a text's copies with one token masked, and that token as the only target."""
    size = max(1, BATCH_TOKENS // len(tokens))
    for start in range(0, len(places), size):
        some = places[start : start + size]
        copies = [[*tokens[:at], model.tokenizer.mask_token_id, *tokens[at + 1 :]] for at in some]
        targets_BT = torch.full((len(some), len(tokens)), -100)
        for row, at in enumerate(some):
            targets_BT[row, at] = tokens[at]
        yield copies, targets_BT


def _is_masked(folder: Path) -> bool:
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers raises a dozen kinds for a broken folder
        raise InputError(f"cannot read the config in {folder}: {error}") from error
    name = (config.architectures or ["model without an architecture"])[0]
    if name.endswith(MASKED):
        return True
    if not name.endswith(CAUSAL):
        raise InputError(f"the model in {folder} is a {name}", expected="a causal or masked language model")
    return False


@lru_cache(maxsize=1)
def _load(folder: Path, masked: bool) -> _Model:
    kind = AutoModelForMaskedLM if masked else AutoModelForCausalLM
    net = kind.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, local_files_only=True)
    return _Model(net.eval(), load_tokenizer(folder))
