"""Transformer encoders whose every layer can be tapped, and cut to their first n layers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor, nn

from embedworks.nn.attention import attention_of
from embedworks.nn.token_prepending import prepending
from embedworks.nn.unpadded import runs_unpadded, unpadded_states

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What models that norm before each layer call the norm behind the last one.
EXIT_NORMS = ("final_norm", "norm", "ln_f", "final_layer_norm")

ModuleT = TypeVar("ModuleT", bound=nn.Module)

# Where architectures keep their stack of layers; the first path that exists is used.
LAYER_PATHS = ("encoder.layer", "transformer.layer", "layers", "encoder.layers", "encoder.block", "h")


def layer_path(model: nn.Module) -> str:
    """The path of the model's stack of layers, as ``encoder.layer``.

    Raises:
        ValueError: where no known path leads to a ``ModuleList``.
    """
    for path in LAYER_PATHS:
        try:
            if isinstance(model.get_submodule(path), nn.ModuleList):
                return path
        except AttributeError:
            continue
    raise ValueError(f"{type(model).__name__} keeps its layers in none of {LAYER_PATHS}")


def layer_stack(model: nn.Module) -> nn.ModuleList:
    """The model's stack of layers itself."""
    layers = model.get_submodule(layer_path(model))
    assert isinstance(layers, nn.ModuleList)
    return layers


def num_layers(model: nn.Module) -> int:
    """How many layers the model's stack has."""
    return len(layer_stack(model))


def layer_states(
    model: PreTrainedModel, input_ids_BT: Tensor, attention_mask_BT: Tensor
) -> tuple[Tensor, ...]:
    """All hidden states of one forward pass: ``h_1 .. h_L``, each ``(B, T, D)``.

    The embedding output ``h_0`` is left out: no pooler reads it. Decoders norm their last states: ``h_L``
    has this norm and those before it do not, while a decoder that is cut norms whichever is its last.
    """
    if runs_unpadded(model):
        return unpadded_states(model, input_ids_BT, attention_mask_BT, every=True)
    mask = attention_of(model, input_ids_BT, attention_mask_BT)
    with prepending(model, layer_stack(model), input_ids_BT, attention_mask_BT):
        output = model(input_ids=input_ids_BT, attention_mask=mask, output_hidden_states=True)
    states: tuple[Tensor, ...] = output.hidden_states
    return states[1:]


def exit_norm(model: nn.Module) -> nn.Module | None:
    """The norm behind the last layer, which a model that is cut has behind whichever is its last."""
    owner = model.get_submodule(layer_path(model).rpartition(".")[0])
    found = (getattr(place, name, None) for place in (model, owner) for name in EXIT_NORMS)
    return next((norm for norm in found if isinstance(norm, nn.Module)), None)


def exit_states(
    model: PreTrainedModel, input_ids_BT: Tensor, attention_mask_BT: Tensor
) -> tuple[Tensor, ...]:
    """What the model gives when it is cut to 1 .. L layers, from one pass: each ``(B, T, D)``.

    These are :func:`layer_states`, but for models that norm before each layer: theirs are normed at every
    exit as at the last.
    """
    *inner, last = layer_states(model, input_ids_BT, attention_mask_BT)
    norm = exit_norm(model)
    return (*(inner if norm is None else map(norm, inner)), last)


def last_states(model: PreTrainedModel, input_ids_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
    """``(B, T, D)`` hidden states of the last layer."""
    if runs_unpadded(model):
        return unpadded_states(model, input_ids_BT, attention_mask_BT)[-1]
    mask = attention_of(model, input_ids_BT, attention_mask_BT)
    with prepending(model, layer_stack(model), input_ids_BT, attention_mask_BT):
        states: Tensor = model(input_ids=input_ids_BT, attention_mask=mask).last_hidden_state
    return states


def cut_layers(model: PreTrainedModel, layers: int) -> PreTrainedModel:
    """The same model with its first ``layers`` layers only; the kept weights are shared.

    Modules on the way to the stack are copied shallowly, so the original keeps all its layers.

    Raises:
        ValueError: if ``layers`` is not in ``1 .. L``.
    """
    total = num_layers(model)
    if not 1 <= layers <= total:
        raise ValueError(f"cannot cut to {layers} layers: the model has {total}")
    cut = _shallow(model)
    cut.config = copy.deepcopy(model.config)
    cut.config.num_hidden_layers = layers
    *steps, name = layer_path(model).split(".")
    owner: nn.Module = cut
    for step in steps:
        child = _shallow(owner.get_submodule(step))
        owner._modules[step] = child
        owner = child
    owner._modules[name] = nn.ModuleList(list(layer_stack(model))[:layers])
    return cut


def _shallow(module: ModuleT) -> ModuleT:
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin
