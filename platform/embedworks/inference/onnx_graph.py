"""BERT-like encoders as ONNX graphs, written node by node in the fused operators of ONNX Runtime.

An exporter would give a graph of hundreds of small nodes that the runtime fuses in part only, and takes
many times as long. Other architectures go through torch's exporter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from embedworks.nn.unpadded import OFFSET

# Shape legend: B texts, T tokens of the longest, M real tokens, D width, P positions, I inputs, O outputs.

Array = np.ndarray[Any, Any]

OPSETS = (("", 17), ("com.microsoft", 1))
FUSED = "com.microsoft"
IR_VERSION = 10
ACTIVATIONS = ("gelu", "relu")
NOTHING = 1e-12  # scales are never zero

INPUTS = {
    "ids": (TensorProto.INT64, ["M"]),
    "positions": (TensorProto.INT64, ["M"]),  # in their texts
    "spread": (TensorProto.INT64, ["B", "T"]),  # which token stands there; any at padding
    "gather": (TensorProto.INT64, ["M"]),  # where a token stands in the flattened spread
    "lengths": (TensorProto.INT32, ["B"]),
}


class EncoderGraph:
    """Builds the graph of an encoder's first layers.

    Args:
        model: An encoder for which :func:`embedworks.nn.unpadded.runs_unpadded` holds, with an activation
            of :data:`ACTIVATIONS`.
        layers: How many of its layers.
        int8: Whether the layers' weights are rounded to 8 bits, with a scale for each output, and what
            they are multiplied with, with a scale for each token.
        signed: Whether 8 bits have a sign: faster with VNNI, and without it sums would overflow.
    """

    def __init__(self, model: Any, layers: int, int8: bool = False, signed: bool = False) -> None:
        self._model, self._depth, self._int8, self._signed = model, layers, int8, signed
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def build(self) -> onnx.ModelProto:
        """A model of :data:`INPUTS`, to ``states`` (M, D) float32: only attention sees padding."""
        state = self._embedded()
        for number, layer in enumerate(self._model.encoder.layer[: self._depth]):
            last = number + 1 == self._depth
            state = self._layer(layer, state, f"layer{number}", "states" if last else None)
        inputs = [helper.make_tensor_value_info(name, *kind) for name, kind in INPUTS.items()]
        width = self._model.config.hidden_size
        states = helper.make_tensor_value_info("states", TensorProto.FLOAT, ["M", width])
        graph = helper.make_graph(self._nodes, "encoder", inputs, [states], self._weights)
        opsets = [helper.make_opsetid(*opset) for opset in OPSETS]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)

    def _embedded(self) -> str:
        parts, config = self._model.embeddings, self._model.config
        first = parts.padding_idx + 1 if config.model_type in OFFSET else 0
        places_PD = parts.position_embeddings.weight[first:] + parts.token_type_embeddings.weight[0]
        words = self._add("Gather", [self._weight(parts.word_embeddings.weight, "words"), "ids"])
        places = self._add("Gather", [self._weight(places_PD, "places"), "positions"])
        state = self._norm(self._add("Add", [words, places]), parts.LayerNorm, "embeddings")
        project = getattr(self._model, "embeddings_project", None)
        return state if project is None else self._linear(state, project.weight, project.bias, "project")

    def _layer(self, layer: Any, state: str, name: str, into: str | None) -> str:
        own, out = layer.attention.self, layer.attention.output
        seen = self._attention(own, state, name)
        seen = self._linear(seen, out.dense.weight, None, f"{name}.out")
        state = self._joined(seen, state, out, f"{name}.out", None)
        wide = layer.intermediate.dense
        inner = self._linear(state, wide.weight, None, f"{name}.wide")
        inner = self._activated(inner, self._weight(wide.bias, f"{name}.wide.bias"))
        made = self._linear(inner, layer.output.dense.weight, None, f"{name}.narrow")
        return self._joined(made, state, layer.output, f"{name}.narrow", into)

    def _attention(self, own: Any, state: str, name: str) -> str:
        three, heads = (own.query, own.key, own.value), own.num_attention_heads
        bias = self._constant(np.concatenate([_array(part.bias) for part in three]), f"{name}.qkv.bias")
        weight_OI = np.concatenate([_array(part.weight) for part in three])
        joined = self._add("Gather", [self._product(state, weight_OI, f"{name}.qkv"), "spread"])
        q, k, v = self._add_several("Split", [joined], 3, axis=-1)
        seen = self._add("MultiHeadAttention", [q, k, v, bias, "lengths"], domain=FUSED, num_heads=heads)
        width = self._constant(np.array([-1, len(weight_OI) // 3], np.int64), f"{name}.shape")
        return self._add("Gather", [self._add("Reshape", [seen, width]), "gather"])

    def _linear(self, x: str, weight_OI: Tensor, bias_O: Tensor | None, name: str) -> str:
        product = self._product(x, _array(weight_OI), name)
        return product if bias_O is None else self._add("Add", [product, self._weight(bias_O, f"{name}.b")])

    def _product(self, x: str, weight_OI: Array, name: str) -> str:
        if not self._int8:
            return self._add("MatMul", [x, self._constant(weight_OI.T, name)])
        rounded, scales, zeros = round_weight(weight_OI, self._signed)
        weight = [self._constant(rounded.T, name), self._constant(scales, f"{name}.scales")]
        weight.append(self._constant(zeros, f"{name}.zeros"))
        # The operator has one scale for all tokens, which a large one would spoil for the others.
        largest = self._add("ReduceMax", [self._add("Abs", [x])], axes=[-1])
        largest = self._add("Max", [largest, self._constant(np.float32(NOTHING), f"{name}.least")])
        even = self._add("Div", [x, largest])
        return self._add(
            "Mul", [self._add("DynamicQuantizeMatMul", [even, *weight], domain=FUSED), largest]
        )

    def _joined(self, inner: str, before: str, part: Any, name: str, into: str | None) -> str:
        norm = part.LayerNorm
        weights = [self._weight(norm.weight, f"{name}.norm"), self._weight(norm.bias, f"{name}.norm.bias")]
        bias = self._weight(part.dense.bias, f"{name}.bias")
        inputs = [inner, before, *weights, bias]
        return self._add("SkipLayerNormalization", inputs, into, domain=FUSED, epsilon=norm.eps)

    def _activated(self, inner: str, bias: str) -> str:
        if self._model.config.hidden_act == "gelu":
            return self._add("BiasGelu", [inner, bias], domain=FUSED)
        return self._add("Relu", [self._add("Add", [inner, bias])])

    def _norm(self, x: str, norm: Any, name: str) -> str:
        weights = [self._weight(norm.weight, f"{name}.norm"), self._weight(norm.bias, f"{name}.norm.bias")]
        return self._add("LayerNormalization", [x, *weights], epsilon=norm.eps)

    def _add(self, kind: str, inputs: list[str], into: str | None = None, **options: Any) -> str:
        output = into or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output

    def _add_several(self, kind: str, inputs: list[str], count: int, **options: Any) -> list[str]:
        outputs = [f"{kind}_{len(self._nodes)}_{number}" for number in range(count)]
        self._nodes.append(helper.make_node(kind, inputs, outputs, **options))
        return outputs

    def _weight(self, weight: Tensor, name: str) -> str:
        return self._constant(_array(weight), name)

    def _constant(self, value: Array | np.float32, name: str) -> str:
        self._weights.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name


def round_weight(weight_OI: Array, signed: bool) -> tuple[Array, Array, Array]:
    """A weight in 8 bits: ``(O, I)`` int8 or uint8, ``(O,)`` scales and zero points."""
    scales_O = (np.maximum(np.abs(weight_OI).max(1), NOTHING) / 127).astype(np.float32)
    kind, zero = (np.int8, 0) if signed else (np.uint8, 128)
    rounded_OI = np.rint(weight_OI / scales_O[:, None]) + zero
    return rounded_OI.astype(kind), scales_O, np.full(len(weight_OI), zero, kind)


def _array(weight: Tensor) -> Array:
    found: Array = weight.detach().float().cpu().numpy()
    return found
