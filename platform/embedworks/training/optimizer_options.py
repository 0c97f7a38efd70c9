"""What a job says about the optimizer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

OptimizerName = Literal["adamw", "adam", "sgd", "lamb", "muon", "adafactor"]
# Their step on a tensor needs all of it: DeepSpeed keeps tensors whole under ZeRO 0 in float32 alone.
WHOLE_TENSORS: tuple[OptimizerName, ...] = ("lamb", "muon", "adafactor")


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupOptions(_Options):
    """What is different for some parameters."""

    match: str = Field(
        min_length=1, description="pattern of parameter names, as of file names: `*.embeddings.*`"
    )
    learning_rate_factor: float = Field(default=1, gt=0, description="on the learning rate")
    weight_decay: float | None = Field(default=None, ge=0, description="null: as for all others")
    freeze: bool = Field(default=False, description="they stay as they are, to the bit")


class OptimizerOptions(_Options):
    """The optimizer and its learning-rate schedule; each phase of an objective gets its own."""

    name: OptimizerName = Field(
        default="adamw",
        description="`lamb`, `muon` and `adafactor` need whole tensors: `zero: 0` and `precision: fp32` "
        "(`auto` is that for them). "
        "`muon` takes the matrices of hidden layers; embeddings, biases and norms get `adamw`",
    )
    learning_rate: float = Field(default=5e-5, gt=0, description="peak learning rate")
    weight_decay: float = Field(default=0.01, ge=0, description="not applied to biases and norms")
    weight_decay_end: float | None = Field(
        default=None, ge=0, description="weight decay goes there along half a cosine; null: it stays"
    )
    betas: tuple[float, float] = Field(default=(0.9, 0.999), description="of Adam and its kin")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of `sgd` and `muon`")
    eps: float = Field(default=1e-8, gt=0)
    warmup: float = Field(default=0.1, ge=0, description="steps; below 1, a share of all steps")
    schedule: Literal["constant", "linear", "cosine", "wsd", "milestones"] = Field(
        default="cosine",
        description="after the warm-up; `wsd`: constant, then linear over the last `decay`; `milestones`: "
        "times `gamma` at each of them",
    )
    minimum: float = Field(default=0, ge=0, le=1, description="share of the peak that it ends at")
    decay: float = Field(default=0.2, gt=0, le=1, description="of `wsd`: share of all steps")
    milestones: tuple[float, ...] = Field(default=(), description="steps; below 1, shares of all steps")
    gamma: float = Field(default=0.1, gt=0, le=1, description="of `milestones`")
    clip: float | None = Field(default=1.0, gt=0, description="largest gradient norm; null: no limit")
    groups: tuple[GroupOptions, ...] = Field(
        default=(), description="parameters treated differently; of several matches the last counts"
    )
    layer_decay: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="factor on the learning rate from each layer of an encoder to the one below it",
    )
