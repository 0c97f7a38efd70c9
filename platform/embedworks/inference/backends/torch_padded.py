"""``torch``: the model's own forward pass on padded batches. Runs every architecture, on every device."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from embedworks.inference.backends.protocol import Setting, States
from embedworks.inference.batches import pad
from embedworks.nn.attention import attention_of
from embedworks.nn.encoder import cut_layers, layer_stack, layer_states, num_layers
from embedworks.nn.fast_linear import PreparedLinear
from embedworks.nn.token_prepending import prepending
from embedworks.transforms.tokenizer import TokenIds

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchPadded:
    """Padded batches through transformers' modules.

    In ``fp16`` and ``int8`` on a CPU the linear layers alone keep their weights in that format; what they
    take and give is float32.
    """

    name = "torch"
    packs = False

    def __init__(self, setting: Setting) -> None:
        self.precision = setting.precision
        self._pad_id, self._device = setting.pad_id, setting.device
        self._encoder = converted(setting)
        self._cut: dict[int, PreTrainedModel] = {num_layers(self._encoder): self._encoder}

    @torch.inference_mode()
    def states(self, ids: TokenIds, layers: int) -> States:
        """Hidden states after ``layers`` layers."""
        encoder, input_ids_BT, mask_BT = self._inputs(ids, layers)
        mask = attention_of(encoder, input_ids_BT, mask_BT)
        with prepending(encoder, layer_stack(encoder), input_ids_BT, mask_BT):
            output = encoder(input_ids=input_ids_BT, attention_mask=mask)
        return padded_states(output.last_hidden_state, ids)

    @torch.inference_mode()
    def layer_states(self, ids: TokenIds, layers: int) -> tuple[States, ...]:
        """Hidden states of layers 1 to ``layers``."""
        return tuple(padded_states(one, ids) for one in layer_states(*self._inputs(ids, layers)))

    def _inputs(self, ids: TokenIds, layers: int) -> tuple[PreTrainedModel, torch.Tensor, torch.Tensor]:
        if layers not in self._cut:
            self._cut[layers] = cut_layers(self._encoder, layers)
        input_ids_BT, mask_BT = (tensor.to(self._device) for tensor in pad(ids, self._pad_id))
        return self._cut[layers], input_ids_BT, mask_BT


def padded_states(states_BTD: torch.Tensor, ids: TokenIds) -> States:
    """States of a batch padded on the right."""
    texts, longest = states_BTD.shape[:2]
    length_B = np.fromiter(map(len, ids), np.int64, texts)
    grid = bool((length_B == longest).all())
    return States(states_BTD.flatten(0, 1), np.arange(texts) * longest, length_B, grid)


def converted(setting: Setting) -> PreTrainedModel:
    """The encoder in its precision; the caller's own is left as it is, and shared where nothing differs."""
    encoder = setting.encoder
    if setting.device.type == "cpu" and setting.precision in ("fp16", "int8"):
        return _with_prepared_linears(encoder, setting)
    parameter, dtype = next(encoder.parameters()), DTYPES[setting.precision]
    if (parameter.dtype, parameter.device.type) == (dtype, setting.device.type):
        return encoder
    # `.to` would convert the caller's own weights in place.
    twin: PreTrainedModel = copy.deepcopy(encoder).to(device=setting.device, dtype=dtype)  # type: ignore[call-arg]
    return twin


def _with_prepared_linears(encoder: PreTrainedModel, setting: Setting) -> PreTrainedModel:
    memo = {id(value): value for value in [*encoder.parameters(), *encoder.buffers()]}  # shared, not copied
    twin: PreTrainedModel = copy.deepcopy(encoder, memo)
    for module in list(twin.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear:
                weights = "fp16" if setting.precision == "fp16" else "int8"
                setattr(module, name, PreparedLinear(child, weights))  # type: ignore[arg-type]
    return twin
