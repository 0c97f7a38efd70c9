"""What stands behind an encoder and has weights: a learned pooler, a projection. One sub-folder each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save_file
from torch import nn

from embedworks.errors import InputError, first_line
from embedworks.folder.json_files import read_json, write_json
from embedworks.folder.weights import refuse_pickles
from embedworks.nn.latent_pooling import LatentPooler, LatentPoolerConfig
from embedworks.nn.multi_layer_pooling import MultiLayerPooler, MultiLayerPoolerConfig
from embedworks.nn.pooling import Pooling
from embedworks.nn.sigmoid_linear import SigmoidLinear

if TYPE_CHECKING:
    from embedworks.embedder import Pooler

POOLERS: dict[Pooling, tuple[Any, Any]] = {  # those of :data:`embedworks.nn.pooling.LEARNED`
    "latent": (LatentPooler, LatentPoolerConfig),
    "multi-layer": (MultiLayerPooler, MultiLayerPoolerConfig),
}
ACTIVATIONS: dict[type, str] = {  # of projections, in the words of sentence-transformers' Dense
    nn.Linear: "torch.nn.modules.linear.Identity",
    SigmoidLinear: "torch.nn.modules.activation.Sigmoid",
}


def load_pooler(place: Path, pooling: Pooling) -> Pooler:
    """The learned pooler that :func:`save_pooler` wrote.

    Args:
        place: Its folder.
        pooling: Its kind, by the embedder's settings.

    Raises:
        InputError: for one that is missing, or of another shape than its ``config.json`` says.
    """
    config = read_json(place / "config.json")
    refuse_pickles(place)
    kind, shape = POOLERS[pooling]
    try:
        pooler: Pooler = kind(shape.model_validate(config))
        pooler.load_state_dict(load_file(place / "model.safetensors"))
    except (ValueError, RuntimeError) as error:
        raise InputError(f"cannot read the pooler in {place}: {first_line(error)}") from error
    return pooler.eval()


def save_pooler(pooler: Pooler, place: Path) -> None:
    """Write a learned pooler: its shape and its weights."""
    place.mkdir(parents=True, exist_ok=True)
    write_json(place / "config.json", pooler.config.model_dump(mode="json"))
    weights = {name: value.detach().cpu().contiguous() for name, value in pooler.state_dict().items()}
    save_file(weights, place / "model.safetensors")


def load_projection(place: Path) -> nn.Linear:
    """The linear layer that :func:`save_projection` wrote, as sentence-transformers' Dense.

    Raises:
        InputError: for one with another activation than a sigmoid, or without safetensors.
    """
    config = read_json(place / "config.json")
    activation = str(config.get("activation_function", "")).rpartition(".")[2]
    refuse_pickles(place)
    saved = load_file(place / "model.safetensors")
    weights = {key.removeprefix("linear."): value for key, value in saved.items()}
    sizes = (config["in_features"], config["out_features"])
    linear: nn.Linear
    if activation == "Sigmoid":
        linear = SigmoidLinear(*sizes, scale="scale" in weights)
    elif activation in ("", "Identity"):
        linear = nn.Linear(*sizes, bool(config.get("bias", True)))
    else:
        raise InputError(f"{place} uses activation {activation}", expected="Identity or Sigmoid")
    linear.load_state_dict(weights)
    return linear


def save_projection(projection: nn.Module, place: Path) -> None:
    """Write a linear layer in the format of sentence-transformers' Dense."""
    assert isinstance(projection, nn.Linear), "only a linear projection has a folder format"
    assert type(projection) in ACTIVATIONS, "another layer would be read without what it adds"
    place.mkdir(parents=True, exist_ok=True)
    write_json(
        place / "config.json",
        {
            "in_features": projection.in_features,
            "out_features": projection.out_features,
            "bias": projection.bias is not None,
            "activation_function": ACTIVATIONS[type(projection)],
        },
    )
    weights = {f"linear.{k}": v.detach().cpu() for k, v in projection.state_dict().items()}
    save_file(weights, place / "model.safetensors")
