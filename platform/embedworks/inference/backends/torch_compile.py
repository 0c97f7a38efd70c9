"""``compile``: torch.compile, with sizes left open, so that each depth is compiled twice at most."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from embedworks.errors import InputError
from embedworks.inference.backends.protocol import Setting, States
from embedworks.inference.backends.torch_padded import converted, padded_states
from embedworks.inference.batches import pad
from embedworks.inference.packed_inputs import PackedInputs, pack
from embedworks.nn.encoder import cut_layers
from embedworks.nn.plain import LastStates, PlainEncoder
from embedworks.nn.unpadded import runs_unpadded
from embedworks.transforms.tokenizer import TokenIds

SMALLEST = 2  # of a size: torch compiles one of 1 anew, as a constant
ISOLATED: dict[str, Any] = (  # torch 2.8 does not have it yet
    {"isolate_recompiles": True} if "isolate_recompiles" in signature(torch.compile).parameters else {}
)
COMPILERS = ("g++", "c++", "clang++", "cl")


class TorchCompile:
    """Two graphs a depth, for one text and for several, compiled when the depth is first asked for.

    That takes from seconds to minutes. BERT-like encoders run without padding, others padded.

    Args:
        setting: What to run.
        compiler: Of torch.compile.

    Raises:
        InputError: where there is no C++ compiler, which torch needs for CPUs.
    """

    name = "compile"

    def __init__(self, setting: Setting, compiler: str | Callable[..., Any] = "inductor") -> None:
        if (
            setting.device.type == "cpu"
            and compiler == "inductor"
            and not any(map(shutil.which, COMPILERS))
        ):
            raise InputError("torch.compile needs a C++ compiler", expected="g++ or clang++ on the PATH")
        self.precision = setting.precision
        self._setting, self._compiler = setting, compiler
        self._encoder = converted(setting)
        self.packs = runs_unpadded(self._encoder)
        self._compiled: dict[tuple[int, bool], Any] = {}

    @torch.inference_mode()
    def states(self, ids: TokenIds, layers: int) -> States:
        """Hidden states after ``layers`` layers."""
        if (layers, False) not in self._compiled:
            self._warm(layers)
        if not self.packs:
            return padded_states(self._run(self._padded(ids), layers), ids)
        packed = pack(ids)
        states_MD = self._run(packed_tensors(packed), layers)
        return States(states_MD[: len(packed.ids_M)], packed.start_B, packed.length_B, packed.grid)

    def _padded(self, ids: TokenIds) -> tuple[Tensor, ...]:
        tensors = pad(ids, self._setting.pad_id)
        missing = max(0, SMALLEST - tensors[0].shape[1])
        fills = (self._setting.pad_id, 0)
        return tuple(
            nn.functional.pad(tensor, (0, missing), value=fill).to(self._setting.device)
            for tensor, fill in zip(tensors, fills, strict=True)
        )

    def _warm(self, layers: int) -> None:
        cut = cut_layers(self._encoder, layers)
        module = (PlainEncoder(cut) if self.packs else LastStates(cut)).eval()
        row = [self._setting.pad_id] * min(16, self._setting.max_length)
        for rows in ([row], [row, row, row[:-1] or row]):
            # With a cache of their own: torch gives up where one function has too many graphs.
            compiled = torch.compile(module, dynamic=True, backend=self._compiler, **ISOLATED)
            self._compiled[layers, len(rows) == 1] = compiled
            self._run(packed_tensors(pack(rows)) if self.packs else self._padded(rows), layers)

    def _run(self, tensors: tuple[Tensor, ...], layers: int) -> Tensor:
        texts = len(tensors[-1])  # of the mask
        for tensor in tensors:
            for dimension, size in enumerate(tensor.shape):
                if size > 1:
                    torch._dynamo.mark_dynamic(tensor, dimension)
        states: Tensor = self._compiled[layers, texts == 1](*tensors)
        return states


def packed_tensors(packed: PackedInputs) -> tuple[Tensor, ...]:
    """What :class:`PlainEncoder` reads, with two tokens at least, of which nobody sees the second."""
    tokens = max(0, SMALLEST - len(packed.ids_M))
    places = max(0, SMALLEST - packed.spread_BT.shape[1])
    ids_M, position_M, gather_M = (
        np.pad(part, (0, tokens)) for part in (packed.ids_M, packed.position_M, packed.gather_M)
    )
    spread_BT, mask_BT = (
        np.pad(part, ((0, 0), (0, places))) for part in (packed.spread_BT, packed.mask_BT)
    )
    if places:  # rows are wider now, and each has one token
        gather_M[: len(packed.ids_M)] = np.arange(len(packed.ids_M)) * SMALLEST
    return tuple(map(torch.from_numpy, (ids_M, position_M, spread_BT, gather_M, mask_BT)))
