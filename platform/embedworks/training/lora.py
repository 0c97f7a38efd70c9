"""LoRA (Hu et al., arXiv 2106.09685) through peft: put on before training, folded in after it."""

from __future__ import annotations

from torch import nn

from embedworks.errors import InputError
from embedworks.objective import Objective
from embedworks.training.optimizers.groups import encoders
from embedworks.training.options import LoraOptions

EVERY_LINEAR = "all-linear"


def add_lora(objective: Objective, options: LoraOptions | None) -> None:
    """Freeze the encoders and put an adapter on their linear layers, in place; the rest trains as before.

    An adapter starts as zero, so the objective computes what it did.

    Raises:
        InputError: if there is no encoder, or no layer has one of the names.
    """
    if options is None:
        return
    from peft import LoraConfig, inject_adapter_in_model

    found = encoders(objective)
    if not found:
        raise InputError("lora is set, and this system has no encoder that it applies to")
    for encoder in found:
        targets = target_layers(encoder, options.targets)
        config = LoraConfig(
            r=options.rank, lora_alpha=options.alpha, lora_dropout=options.dropout, target_modules=targets
        )
        encoder.requires_grad_(False)
        inject_adapter_in_model(config, encoder)


def target_layers(encoder: nn.Module, targets: tuple[str, ...]) -> list[str]:
    """Paths of the linear layers whose last names are among ``targets``; of all where that is `all-linear`.

    Raises:
        InputError: for a name that no linear layer has, with the nearest.
    """
    linear = [path for path, module in encoder.named_modules() if isinstance(module, nn.Linear)]
    names = {path.rpartition(".")[2] for path in linear} | {EVERY_LINEAR}
    for target in targets:
        if target not in names:
            what = f"lora.targets has {target!r}, which no linear layer is called"
            raise InputError(what, expected=", ".join(sorted(names)), name=target, known=names)
    if EVERY_LINEAR in targets:
        return linear
    return [path for path in linear if path.rpartition(".")[2] in targets]


def fold_lora(objective: Objective, options: LoraOptions | None) -> None:
    """Add the adapters to the weights and put the plain layers back, in place."""
    if options is None:
        return
    from peft.tuners.lora import LoraLayer

    for encoder in encoders(objective):
        adapted = [
            (path, module) for path, module in encoder.named_modules() if isinstance(module, LoraLayer)
        ]
        for path, module in adapted:
            module.merge(safe_merge=True)
            owner, _, name = path.rpartition(".")
            setattr(encoder.get_submodule(owner), name, module.get_base_layer())
