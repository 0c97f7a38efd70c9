"""``onnx``: ONNX Runtime on CPUs. BERT-like encoders without padding, others as torch exports them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from embedworks.errors import InputError, first_line
from embedworks.inference.backends.protocol import Setting, States
from embedworks.inference.backends.torch_padded import padded_states
from embedworks.inference.batches import pad
from embedworks.inference.onnx_graph import ACTIVATIONS, EncoderGraph
from embedworks.inference.packed_inputs import pack
from embedworks.nn.encoder import cut_layers
from embedworks.nn.plain import LastStates
from embedworks.nn.unpadded import runs_unpadded
from embedworks.transforms.tokenizer import TokenIds

# Shape legend: B texts, T tokens of the longest, M real tokens, D width.

VNNI = ("avx512_vnni", "avx_vnni", "amx_int8")
SERIALISED = 1 << 30  # bytes; protobuf ends at twice that, and larger weights go to a file beside the graph


class OnnxRuntime:
    """A session for each depth, made when it is first asked for.

    Raises:
        InputError: for an architecture that cannot be exported.
    """

    name = "onnx"

    def __init__(self, setting: Setting) -> None:
        self.precision = setting.precision
        self._setting = setting
        self._fused = runs_unpadded(setting.encoder) and setting.encoder.config.hidden_act in ACTIVATIONS
        self.packs = self._fused
        self._sessions: dict[int, Any] = {}

    def states(self, ids: TokenIds, layers: int) -> States:
        """Hidden states after ``layers`` layers."""
        if layers not in self._sessions:
            self._sessions[layers] = self._session(layers)
        session = self._sessions[layers]
        if self._fused:
            packed = pack(ids)
            inputs = {
                "ids": packed.ids_M,
                "positions": packed.position_M,
                "spread": packed.spread_BT,
                "gather": packed.gather_M,
                "lengths": packed.length_B.astype(np.int32),
            }
            (states_MD,) = session.run(None, inputs)
            return States(torch.from_numpy(states_MD), packed.start_B, packed.length_B, packed.grid)
        input_ids_BT, mask_BT = pad(ids, self._setting.pad_id)
        (states_BTD,) = session.run(
            None, {"input_ids": input_ids_BT.numpy(), "attention_mask": mask_BT.numpy()}
        )
        return padded_states(torch.from_numpy(states_BTD), ids)

    def _session(self, layers: int) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._setting.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait by spinning take the CPU from other replicas.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.onnx"
            self._write(layers, file)
            return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def _write(self, layers: int, file: Path) -> None:
        encoder, int8 = self._setting.encoder, self.precision == "int8"
        if self._fused:
            _save(EncoderGraph(encoder, layers, int8, signed=has_vnni()).build(), file)
            return
        _save(exported(cut_layers(encoder, layers), self._setting.max_length), file)
        if int8:
            from onnxruntime.quantization import quantize_dynamic

            quantize_dynamic(file, file, per_channel=True, reduce_range=not has_vnni())


def has_vnni() -> bool:
    """Whether the processor multiplies 8-bit numbers without a danger of overflow."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in VNNI)


def exported(encoder: Any, max_length: int) -> onnx.ModelProto:
    """Any encoder by torch's exporter: ``input_ids`` and ``attention_mask`` (B, T) to states (B, T, D).

    Raises:
        InputError: where it does not export.
    """
    length = min(8, max_length)
    ids_BT = torch.ones(2, length, dtype=torch.long)
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    names = ["input_ids", "attention_mask"]
    try:
        program = torch.onnx.export(
            LastStates(encoder).eval(),
            (ids_BT, torch.ones_like(ids_BT)),
            input_names=names,
            dynamic_shapes=dict.fromkeys(names, dynamic),
            dynamo=True,
            verbose=False,
        )
    except Exception as error:  # the exporter raises dozens of kinds
        kind = encoder.config.model_type
        raise InputError(
            f"a {kind!r} model does not export to ONNX: {first_line(error)}",
            expected="backend: torch, which runs every model",
        ) from error
    assert program is not None
    return program.model_proto


def _save(model: onnx.ModelProto, file: Path) -> None:
    onnx.save(model, file, save_as_external_data=model.ByteSize() > SERIALISED)
