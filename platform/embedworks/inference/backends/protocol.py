"""What a backend is: token ids in, hidden states out. Pooling and what follows is the engine's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedworks.embedder import Embedder
from embedworks.transforms.tokenizer import TokenIds

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BackendName = Literal["torch", "packed", "compile", "onnx", "openvino"]
BACKENDS: tuple[str, ...] = get_args(BackendName)
ServingPrecision = Literal["auto", "fp32", "bf16", "fp16", "int8"]
SERVING_PRECISIONS: tuple[str, ...] = get_args(ServingPrecision)

# Shape legend: B texts, M tokens (some may be padding), D width.


@dataclass(frozen=True)
class States:
    """Hidden states of texts, one token behind the other.

    Attributes:
        states_MD: Of all tokens.
        start_B: Where a text begins, in the order in which the texts were given.
        length_B: Its tokens; what lies behind them is padding or another text.
        grid: Whether the texts are equally long and lie in order, with nothing between them.
    """

    states_MD: Tensor
    start_B: NDArray[np.int64]
    length_B: NDArray[np.int64]
    grid: bool


@dataclass(frozen=True)
class Setting:
    """What a backend is opened with.

    Attributes:
        encoder: The model, in float32; a backend may share its weights and must not change them.
        pad_id: The padding token.
        max_length: Longest text in tokens.
        precision: One that the backend has.
        device: Where to run.
        threads: How many a product may take on a CPU.
    """

    encoder: PreTrainedModel
    pad_id: int
    max_length: int
    precision: str
    device: torch.device
    threads: int

    @classmethod
    def of(cls, embedder: Embedder, pad_id: int, precision: str, device: torch.device) -> Setting:
        """As many threads as torch has."""
        length = embedder.settings.max_length
        return cls(embedder.encoder, pad_id, length, precision, device, torch.get_num_threads())


class Backend(Protocol):
    """One way to run an encoder. One thread at a time may call it.

    Attributes:
        name: Its name in :data:`BACKENDS`.
        precision: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
        packs: Whether it pays for tokens alone, and not for padding.
    """

    name: str
    precision: str
    packs: bool

    def states(self, ids: TokenIds, layers: int) -> States:
        """Hidden states after ``layers`` layers; a depth is prepared when it is first asked for."""
        ...


@runtime_checkable
class EveryLayer(Protocol):
    """A backend that gives the states of all layers, for poolers that read them all."""

    def layer_states(self, ids: TokenIds, layers: int) -> tuple[States, ...]:
        """Hidden states of layers 1 to ``layers``, of one pass, as :func:`.nn.encoder.layer_states`."""
        ...


@runtime_checkable
class Nested(Protocol):
    """A backend that sees the shallow depths on its way to a deeper one."""

    def nested_states(self, ids: TokenIds, depths: Collection[int]) -> dict[int, States]:
        """Depth -> hidden states after so many layers, all of one pass."""
        ...
