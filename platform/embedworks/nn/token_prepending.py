"""Token Prepending: a decoder's early tokens see the whole text (arXiv 2412.11556, its authors' code).

A placeholder token stands in front of the text. Before some of the early layers its state is overwritten
with a copy of the last token's, which has seen everything; so tokens behind it see, layer by layer, what is
in front of them and a summary of what is not. There are no weights beside the placeholder's embedding.

The rule is a key of the model's own ``config.json``, as the direction of attention is: whoever opens the
folder reads such texts alike, and a text without a placeholder is read as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from embedworks.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

KEY = "token_prepending"
PLACEHOLDER = "<PST>"

# Shape legend: B texts, T tokens of a padded text, D width.


@dataclass(frozen=True)
class TokenPrepending:
    """Where states are overwritten.

    Attributes:
        token: Id of the placeholder.
        first: s, the first layer that reads an overwritten state, from 0.
        end: e, the layer from which on all runs as ever; with ``first == end`` nothing is overwritten.
    """

    token: int
    first: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.end:
            raise InputError(
                f"layers {self.first} to {self.end} are no range", expected="0 <= first <= end"
            )


def set_token_prepending(model: PreTrainedModel, rule: TokenPrepending | None) -> None:
    """Give a model the rule, or take it away; weights stay as they are."""
    setattr(model.config, KEY, None if rule is None else asdict(rule))


def token_prepending_of(model: PreTrainedModel) -> TokenPrepending | None:
    """The model's rule; None for none."""
    found = getattr(model.config, KEY, None)
    return TokenPrepending(**found) if found else None


def add_placeholder(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, seed: int) -> int:
    """The id of :data:`PLACEHOLDER`, a new token where the tokenizer has none.

    Its embedding is drawn from a normal distribution with the deviation of the others', for one of 1, as in
    the authors' code, is far from all tokens of a small model.
    """
    known = tokenizer.convert_tokens_to_ids(PLACEHOLDER)
    if isinstance(known, int) and known != tokenizer.unk_token_id:
        return known
    tokenizer.add_special_tokens({"additional_special_tokens": [PLACEHOLDER]})
    token = tokenizer.convert_tokens_to_ids(PLACEHOLDER)
    assert isinstance(token, int), "one token has one id"
    table: Any = model.get_input_embeddings()
    if token >= len(table.weight):
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        table = model.get_input_embeddings()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        deviation = table.weight[:token].std().item()
        table.weight[token] = torch.randn(table.weight.shape[1], generator=generator) * deviation
    return token


@contextmanager
def prepending(
    model: PreTrainedModel, layers: nn.ModuleList, input_ids_BT: Tensor, attention_mask_BT: Tensor
) -> Iterator[None]:
    """Runs of the model in this block follow its rule, if it has one and there is a placeholder.

    Args:
        model: What is run.
        layers: Its layers.
        input_ids_BT: What it is run on.
        attention_mask_BT: 1 for real tokens, padded on either side.
    """
    rule = token_prepending_of(model)
    at_BT = None if rule is None else (input_ids_BT == rule.token) & attention_mask_BT.bool()
    if rule is None or at_BT is None or not at_BT.any():
        yield
        return
    places_T = torch.arange(input_ids_BT.shape[1], device=input_ids_BT.device)
    last_B = (attention_mask_BT.long() * places_T).amax(1)

    def overwrite(_layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (overwritten(args[0], at_BT, last_B), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": overwritten(kwargs["hidden_states"], at_BT, last_B)}

    with ExitStack() as stack:
        for layer in list(layers)[rule.first : rule.end]:
            handle = layer.register_forward_pre_hook(overwrite, with_kwargs=True)
            stack.callback(handle.remove)
        yield


def overwritten(states_BTD: Tensor, at_BT: Tensor, last_B: Tensor) -> Tensor:
    """States with those at the placeholders replaced by each text's last one.

    Example:
        >>> states = torch.tensor([[[1.0], [2.0], [3.0]]])
        >>> overwritten(states, torch.tensor([[True, False, False]]), torch.tensor([2])).flatten().tolist()
        [3.0, 2.0, 3.0]
    """
    last_B1D = states_BTD[torch.arange(len(states_BTD), device=states_BTD.device), last_B].unsqueeze(1)
    return torch.where(at_BT.unsqueeze(-1), last_B1D, states_BTD)
