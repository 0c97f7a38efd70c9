"""``openvino``: OpenVINO on CPUs, converted from torch. One converted model, compiled for each depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino
import torch
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

from embedworks.errors import InputError, first_line
from embedworks.inference.backends.protocol import Setting, States
from embedworks.inference.backends.torch_padded import padded_states
from embedworks.inference.batches import pad
from embedworks.inference.packed_inputs import pack
from embedworks.nn.encoder import cut_layers
from embedworks.nn.plain import LastStates, PlainEncoder
from embedworks.nn.unpadded import runs_unpadded
from embedworks.transforms.tokenizer import TokenIds

HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}


class OpenVino:
    """BERT-like encoders without padding, others in padded batches.

    Raises:
        InputError: for an architecture that cannot be converted, or a precision that this CPU has not.
    """

    name = "openvino"

    def __init__(self, setting: Setting) -> None:
        self.precision = setting.precision
        self._setting = setting
        self._core = openvino.Core()
        self._check_precision()
        self.packs = runs_unpadded(setting.encoder)
        self._every: Any = None
        if self.packs:
            plain = PlainEncoder(setting.encoder, every=True).eval()
            self._every = convert(plain, example(setting), setting)
        self._compiled: dict[int, Any] = {}

    def states(self, ids: TokenIds, layers: int) -> States:
        """Hidden states after ``layers`` layers."""
        if layers not in self._compiled:
            self._compiled[layers] = self._compile(layers)
        request = self._compiled[layers]
        if self.packs:
            packed = pack(ids)
            places = [packed.ids_M, packed.position_M, packed.spread_BT, packed.gather_M, packed.mask_BT]
            request.infer(places, share_inputs=True)
            return States(_answer(request), packed.start_B, packed.length_B, packed.grid)
        input_ids_BT, mask_BT = pad(ids, self._setting.pad_id)
        request.infer([input_ids_BT.numpy(), mask_BT.numpy()], share_inputs=True)
        return padded_states(_answer(request), ids)

    def _check_precision(self) -> None:
        able = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if self.precision in ("bf16", "fp16") and self.precision.upper() not in able:
            raise InputError(
                f"this CPU does not compute in {self.precision} under OpenVINO", expected="fp32 or int8"
            )

    def _compile(self, layers: int) -> Any:
        if self._every is None:
            cut = LastStates(cut_layers(self._setting.encoder, layers)).eval()
            input_ids_BT, mask_BT = pad([[0] * 3, [0] * 2], self._setting.pad_id)
            model = convert(cut, (input_ids_BT, mask_BT), self._setting)
        else:
            # The depths share their weights: each is the part of one graph that leads to its output.
            source = self._every.outputs[layers - 1].get_node().input_value(0)
            model = openvino.Model([source], self._every.get_parameters(), f"depth-{layers}")
        options = {
            "INFERENCE_NUM_THREADS": self._setting.threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": HINTS[self.precision],
            "ENABLE_CPU_PINNING": False,  # replicas of a node would all take its first cores
        }
        try:
            return self._core.compile_model(model, "CPU", options).create_infer_request()
        except RuntimeError as error:
            raise _refused(self._setting, str(error).strip().splitlines()[-1]) from error


def example(setting: Setting) -> tuple[torch.Tensor, ...]:
    """What :class:`PlainEncoder` reads: two short texts."""
    packed = pack([[setting.pad_id] * 2, [setting.pad_id]])
    parts = (packed.ids_M, packed.position_M, packed.spread_BT, packed.gather_M, packed.mask_BT)
    return tuple(map(torch.from_numpy, parts))


def _answer(request: Any) -> torch.Tensor:
    # The runtime writes its next answer where this one is.
    return torch.from_numpy(np.array(request.get_output_tensor(0).data))


def convert(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], setting: Setting) -> Any:
    """A traced module as an OpenVINO model, with sizes left open.

    Through the front end itself, for `openvino.convert_model` reports every use to its makers.

    Raises:
        InputError: where it does not convert.
    """
    try:
        with torch.no_grad():
            decoder = TorchScriptPythonDecoder(module, example_input=inputs)
        front = FrontEndManager().load_by_framework("pytorch")
        model = front.convert(front.load(decoder))
    except Exception as error:  # of the tracer, or of the front end
        raise _refused(setting, first_line(error)) from error
    for parameter, tensor in zip(model.get_parameters(), inputs, strict=True):
        parameter.set_element_type(openvino.Type.i64)
        parameter.set_partial_shape(openvino.PartialShape([-1] * tensor.ndim))
    model.validate_nodes_and_infer_types()
    if setting.precision == "int8":
        round_weights(model)
    return model


def _refused(setting: Setting, why: str) -> InputError:
    kind = setting.encoder.config.model_type
    return InputError(
        f"a {kind!r} model does not run under OpenVINO in {setting.precision}: {why}",
        expected="backend: torch, which runs every model",
    )


def round_weights(model: Any) -> None:
    """Keep the weights of products in 8 bits with a scale for each output, in place."""
    from openvino import opset13 as ops

    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        source = node.input_value(1).get_node()
        # Any other constant is no linear layer's weight: DeBERTa multiplies positions of two axes and more.
        if source.get_type_name() != "Constant" or len(source.get_output_shape(0)) != 2:
            continue
        weight = np.asarray(source.get_data(), np.float32)
        axis = -1 if node.get_attributes()["transpose_b"] else -2
        scales = np.maximum(np.abs(weight).max(axis, keepdims=True), 1e-12) / 127
        rounded = ops.constant(np.rint(weight / scales).astype(np.int8), dtype=np.int8)
        whole = ops.multiply(ops.convert(rounded, "f32"), ops.constant(scales.astype(np.float32)))
        node.input(1).replace_source_output(whole.output(0))
