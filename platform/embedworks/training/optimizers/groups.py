"""Which parameter is updated how: learning-rate factors, weight decay, what is frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from embedworks.errors import InputError
from embedworks.nn.encoder import layer_path, num_layers
from embedworks.objective import Objective
from embedworks.training.optimizer_options import GroupOptions, OptimizerOptions


@dataclass(frozen=True)
class Treatment:
    """How one parameter is updated.

    Attributes:
        factor: On the learning rate.
        weight_decay: Its own; None: as its shape says.
        is_hidden: Whether it is a matrix of a hidden layer, which Muon takes.
    """

    factor: float = 1.0
    weight_decay: float | None = None
    is_hidden: bool = False


def freeze(objective: Objective, groups: Iterable[GroupOptions], phase: nn.Module) -> None:
    """Take the gradient from what the options freeze in a phase.

    Raises:
        InputError: for a pattern that matches no parameter.
    """
    mine = set(phase.parameters())
    for group in groups:
        for parameter in matching(objective, group.match).values():
            if group.freeze and parameter in mine:
                parameter.requires_grad_(False)


def matching(objective: nn.Module, pattern: str) -> dict[str, nn.Parameter]:
    """The parameters whose names match.

    Raises:
        InputError: if there is none, with the nearest name.
    """
    named = dict(objective.named_parameters())
    found = {name: parameter for name, parameter in named.items() if fnmatchcase(name, pattern)}
    if not found:
        raise InputError(
            f"optimizer.groups has {pattern!r}, which matches no parameter",
            expected=f"a pattern of names such as {next(iter(named))}",
            name=pattern,
            known=named,
        )
    return found


def treatments(objective: Objective, options: OptimizerOptions) -> dict[nn.Parameter, Treatment]:
    """How each parameter is updated: the objective's factors, times the layer's, times its group's.

    Raises:
        InputError: for a pattern of the options that matches nothing.
        ValueError: for a pattern of the objective that matches nothing, or two that match one parameter.
    """
    own = objective_factors(objective)
    layers = layer_factors(objective, options.layer_decay)
    chosen: dict[nn.Parameter, GroupOptions] = {}
    for group in options.groups:
        chosen |= dict.fromkeys(matching(objective, group.match).values(), group)
    hidden = hidden_matrices(objective)
    found = {}
    for parameter in objective.parameters():
        group = chosen.get(parameter, GroupOptions(match="*"))
        factor = own.get(parameter, 1.0) * layers.get(parameter, 1.0) * group.learning_rate_factor
        found[parameter] = Treatment(factor, group.weight_decay, parameter in hidden)
    return found


def objective_factors(objective: Objective) -> dict[nn.Parameter, float]:
    """The factor of every parameter that :meth:`.Objective.learning_rates` names.

    Raises:
        ValueError: for a pattern that no parameter's name matches, or two that match one.
    """
    found: dict[nn.Parameter, float] = {}
    for pattern, factor in objective.learning_rates().items():
        named = [p for name, p in objective.named_parameters() if fnmatchcase(name, pattern)]
        if not named:
            raise ValueError(f"learning_rates() has {pattern!r}, which no parameter's name matches")
        if twice := found.keys() & named:
            raise ValueError(f"learning_rates() has several factors for {len(twice)} parameters")
        found |= dict.fromkeys(named, factor)
    return found


def layer_factors(objective: nn.Module, decay: float | None) -> dict[nn.Parameter, float]:
    """``decay ** (L - n)`` for the n-th of an encoder's L layers, n = 0 for what is not in a layer.

    Raises:
        InputError: if the objective has no encoder whose layers are known.
    """
    if decay is None:
        return {}
    found: dict[nn.Parameter, float] = {}
    for encoder in encoders(objective):
        depth, prefix = num_layers(encoder), layer_path(encoder) + "."
        for name, parameter in encoder.named_parameters():
            place = int(name.removeprefix(prefix).split(".")[0]) + 1 if name.startswith(prefix) else 0
            found[parameter] = decay ** (depth - place)
    if not found:
        raise InputError("layer_decay is set, and this system has no encoder with layers")
    return found


def encoders(objective: nn.Module) -> list[PreTrainedModel]:
    """The language models in an objective, outermost first."""
    found: list[PreTrainedModel] = []
    for module in objective.modules():
        inside = any(module is part for encoder in found for part in encoder.modules())
        if isinstance(module, PreTrainedModel) and not inside:
            found.append(module)
    return found


def hidden_matrices(objective: nn.Module) -> set[nn.Parameter]:
    """Weights of linear layers inside encoders."""
    inside = [module for encoder in encoders(objective) for module in encoder.modules()]
    weights = (module.weight for module in inside if isinstance(module, nn.Linear))
    return {weight for weight in weights if isinstance(weight, nn.Parameter)}


def parameter_groups(
    phase: nn.Module, options: OptimizerOptions, treated: Mapping[nn.Parameter, Treatment]
) -> list[dict[str, Any]]:
    """A phase's trainable parameters by how they are updated; matrices decay, the rest does not.

    Groups with factor 1 come first, so that the engine's own report shows the learning rate that the job
    names.
    """
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for parameter in filter(lambda p: p.requires_grad, phase.parameters()):
        how = treated.get(parameter, Treatment())
        default = options.weight_decay if parameter.ndim >= 2 else 0.0
        decay = default if how.weight_decay is None else how.weight_decay
        hidden = how.is_hidden and options.name == "muon"
        groups.setdefault((how.factor, decay, hidden), []).append(parameter)
    order = sorted(groups, key=lambda key: (key[0] != 1, key[0], -key[1], not key[2]))
    return [
        {"params": groups[key], "lr": options.learning_rate * key[0], "weight_decay": key[1]}
        | ({"hidden": key[2]} if options.name == "muon" else {})
        for key in order
    ]
