"""What a stage that trains can be told. The job file's train and merge stages inherit these keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_serializer

from embedworks.training.optimizer_options import OptimizerOptions

# Keys that change when something is saved, shown or tried again, or who computes it, but not what comes
# out: a stage that was killed on four workers goes on from its checkpoints on two.
RESULT_NEUTRAL = (
    "checkpoint",
    "resources",
    "log_every",
    "max_failures",
    "hang_seconds",
    "offload",
    "workers",
    "zero",
)


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckpointOptions(_Options):
    """When training state is saved. The last step is always saved."""

    every: int | None = Field(default=None, ge=1, description="steps between two saves; null: by time only")
    every_minutes: float | None = Field(
        default=None, gt=0, description="minutes between two saves, beside those by steps; null: none"
    )
    keep: int = Field(default=2, ge=1, description="newest checkpoints kept")


class ResourceOptions(_Options):
    """What each worker is given."""

    cpus: float = Field(default=1, gt=0, description="logical ones, as Ray counts them")
    gpus: float = Field(default=0, ge=0)
    threads: int | None = Field(
        default=None,
        ge=1,
        description="of its arithmetic on a CPU; null: the node's cores, shared out among its workers and "
        "those of the stages that may train beside this one",
    )
    readers: float = Field(
        default=0.5, gt=0, description="processes that read and transform ahead, for each worker"
    )


class WorkerRange(_Options):
    """How many workers there are, as many as the cluster has room for at the time; one number fixes it."""

    min: int = Field(ge=1, description="with fewer, training waits for room")
    max: int = Field(ge=1, description="with room for more, it stays empty")
    look_every: float = Field(
        default=60, gt=0, description="seconds between two looks at whether there is room for more or fewer"
    )

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return self.min == self.max

    @model_serializer
    def _as_in_a_file(self) -> int | dict[str, float]:
        if self.is_fixed:
            return self.max
        return {"min": self.min, "max": self.max, "look_every": self.look_every}


def _fixed(value: Any) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    # One complaint about a number that is too small, not one for each end.
    return {"min": value, "max": max(value, 1)} if is_number else value


Workers = Annotated[
    WorkerRange,
    BeforeValidator(_fixed, json_schema_input_type=Annotated[int, Field(ge=1)] | WorkerRange),
]


class PhaseOptions(_Options):
    """Weights that hold from a step on."""

    step: int = Field(ge=0, description="first step")
    weights: tuple[float, ...] = Field(
        min_length=1, description="one a corpus, in their order, instead of their own; 0 lets one rest"
    )


class MixingOptions(_Options):
    """How several corpora make one stream."""

    batches: Literal["mixed", "single-source"] = Field(
        default="mixed", description="batches of all corpora, or each of one, taking turns"
    )
    temperature: float | None = Field(
        default=None,
        gt=0,
        description="T: a corpus's share is its weight times rows^(1/T); 1: by size; null: by weight alone",
    )
    phases: tuple[PhaseOptions, ...] = Field(
        default=(), description="a curriculum: weights that change at given steps"
    )


class OffloadOptions(_Options):
    """What is not kept on the GPU."""

    optimizer: Literal["cpu", "nvme"] | None = Field(
        default=None, description="masters and state of the optimizer; from `zero: 1` on"
    )
    parameters: Literal["cpu", "nvme"] | None = Field(default=None, description="with `zero: 3`")
    path: str | None = Field(default=None, description="a folder on the NVMe disk")


class LoraOptions(_Options):
    """Adapters of low rank on the encoders' linear layers, which alone are trained there."""

    rank: int = Field(default=8, ge=1, description="r")
    alpha: int = Field(default=16, ge=1, description="the adapter counts by alpha / rank")
    dropout: float = Field(default=0, ge=0, lt=1, description="on the adapter's input")
    targets: tuple[str, ...] = Field(
        default=("all-linear",), min_length=1, description="names of layers, as `query`; `all-linear`: all"
    )


class TrainingOptions(_Options):
    """How an objective is minimised."""

    steps: int | None = Field(
        default=None,
        ge=0,
        description="optimizer steps; or give epochs. 0: the embedder as the system makes it, untrained",
    )
    epochs: float | None = Field(default=None, gt=0, description="passes over the corpus")
    batch_size: int = Field(default=32, ge=1, description="samples a step, over all workers")
    batch_tokens: int | None = Field(
        default=None,
        ge=1,
        description="instead of batch_size: padded tokens a step, over all workers, of texts about as long",
    )
    accumulate: int = Field(
        default=1,
        ge=1,
        description="micro-batches a step: each has a loss of its own, and its samples are no negatives of "
        "another's",
    )
    chunk_size: int | None = Field(
        default=None,
        ge=1,
        description="samples of a worker that are in memory at once (GradCache): the loss is that of the "
        "whole batch, and one more forward pass its price; null: all at once",
    )
    last_batch: Literal["pad", "short", "drop"] = Field(
        default="pad",
        description="of the epochs: filled from the next pass, left small, or left out; always counted",
    )
    mixing: MixingOptions = MixingOptions()
    workers: Workers = Field(
        default=WorkerRange(min=1, max=1), description="a number, or a range that follows the cluster"
    )
    zero: Literal[0, 1, 2, 3] = Field(default=0, description="DeepSpeed ZeRO stage")
    offload: OffloadOptions = OffloadOptions()
    precision: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        default="auto",
        description="of weights and activations; the optimizer's copy is always float32. `auto`: bf16 "
        "where all workers' hardware multiplies it, else fp32",
    )
    activation_checkpointing: bool = Field(
        default=False, description="encoders keep the inputs of layers alone and compute the rest again"
    )
    compile: bool = Field(default=False, description="torch.compile of the encoders; needs a C++ compiler")
    optimizer: OptimizerOptions = OptimizerOptions()
    phase_optimizers: dict[str, OptimizerOptions] = Field(
        default_factory=dict,
        description="phase -> its own, whole, for systems with several phases; the others have `optimizer`",
    )
    ema: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="decay of an average of the weights, which becomes the embedder; null: the last ones",
    )
    lora: LoraOptions | None = Field(
        default=None, description="train adapters on the encoders; they are folded in at the end"
    )
    deepspeed: dict[str, Any] = Field(
        default_factory=dict, description="further keys of DeepSpeed's own configuration"
    )
    checkpoint: CheckpointOptions = CheckpointOptions()
    resources: ResourceOptions = ResourceOptions()
    log_every: int = Field(default=10, ge=1, description="steps between two points of a curve")
    max_failures: int = Field(
        default=2, ge=0, description="restarts of the workers without a new checkpoint in between"
    )
    hang_seconds: float = Field(
        default=600,
        gt=0,
        description="without the end of a step, and 20 times the longest step: then workers are restarted",
    )

    def of_phase(self, phase: str) -> TrainingOptions:
        """The same with a phase's own optimizer."""
        return self.model_copy(update={"optimizer": self.phase_optimizers.get(phase, self.optimizer)})
