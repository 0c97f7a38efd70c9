"""DeepSpeed's configuration of a stage, and what a job may add to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedworks.errors import InputError
from embedworks.training.options import OffloadOptions, TrainingOptions

# DeepSpeed's keys that have a name of their own in a job, or that would undo what the engine relies on.
OURS = {
    "train_batch_size": "batch_size",
    "train_micro_batch_size_per_gpu": "batch_size, accumulate and chunk_size",
    "gradient_accumulation_steps": "accumulate",
    "gradient_clipping": "optimizer.clip",
    "optimizer": "optimizer",
    "scheduler": "optimizer.schedule",
    "bf16": "precision",
    "fp16.enabled": "precision",
    "zero_optimization.stage": "zero",
    "zero_optimization.offload_optimizer": "offload.optimizer",
    "zero_optimization.offload_param": "offload.parameters",
    "steps_per_print": "log_every",
    "checkpoint": "checkpoint",
}
TOP_LEVEL = (
    "activation_checkpointing",
    "aio",
    "comms_logger",
    "communication_data_type",
    "data_types",
    "dump_state",
    "flops_profiler",
    "fp16",
    "gradient_predivide_factor",
    "memory_breakdown",
    "prescale_gradients",
    "seq_parallel_communication_data_type",
    "sparse_gradients",
    "torch_autocast",
    "wall_clock_breakdown",
    "zero_optimization",
)


def deepspeed_config(options: TrainingOptions, workers: int) -> dict[str, Any]:
    """DeepSpeed's own configuration for these options, and what the job adds."""
    config = {
        "train_micro_batch_size_per_gpu": max(1, options.batch_size // workers),  # for its reports alone
        "gradient_accumulation_steps": 1,
        "gradient_clipping": options.optimizer.clip or 0.0,
        "bf16": {"enabled": options.precision == "bf16"},
        "fp16": {"enabled": options.precision == "fp16"},
        "zero_optimization": {
            "stage": options.zero,
            "overlap_comm": False,
            **_offload(options.offload),
        },
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": 10**9,  # progress is ours
    }
    return merged(config, options.deepspeed)


def check_deepspeed(given: Mapping[str, Any]) -> None:
    """Refuse what a job may not say.

    Raises:
        InputError: for a key that is unknown or has a name of its own in a job, or a value of wrong type.
    """
    for key, value in given.items():
        _check_ours(key)
        if key not in TOP_LEVEL:
            raise InputError(
                f"deepspeed has {key!r}", expected="a key of DeepSpeed", name=key, known=TOP_LEVEL
            )
        for inner in value if isinstance(value, dict) else ():
            _check_ours(f"{key}.{inner}")
    if zero := given.get("zero_optimization"):
        _check_zero(zero)


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """One configuration over another, block by block."""
    both = dict(ours)
    for key, value in theirs.items():
        known = both.get(key)
        both[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return both


def _check_ours(key: str) -> None:
    if key in OURS:
        raise InputError(f"deepspeed has {key!r}", expected=f"the stage's own key {OURS[key]}")


def _check_zero(zero: Any) -> None:
    from deepspeed.runtime.zero.config import DeepSpeedZeroConfig
    from pydantic import ValidationError

    known = DeepSpeedZeroConfig.model_fields
    names = [*known, *(field.alias for field in known.values() if field.alias)]
    for key in zero:
        if key not in names:
            what = f"deepspeed.zero_optimization has {key!r}"
            raise InputError(what, expected="a key of DeepSpeed's", name=key, known=names)
    try:
        DeepSpeedZeroConfig(**zero)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("deepspeed.zero_optimization", *first["loc"])))
        raise InputError(f"{where}: {first['msg']}") from error


def _offload(options: OffloadOptions) -> dict[str, Any]:
    blocks = (("offload_optimizer", options.optimizer), ("offload_param", options.parameters))
    path = {} if options.path is None else {"nvme_path": options.path}
    return {name: {"device": device, **path} for name, device in blocks if device}
