"""Every backend gives the model's own vectors, at every depth and length."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
)

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.errors import InputError
from embedworks.inference.backends import opening
from embedworks.inference.backends.opening import check_backend, choose_precision, open_backend
from embedworks.inference.backends.protocol import Setting
from embedworks.inference.backends.torch_compile import TorchCompile
from embedworks.inference.engine import Engine
from embedworks.nn.fast_linear import has_fbgemm
from helpers.tiny import tiny_model, tiny_tokenizer

TEXTS = [
    "the cat",
    "a bird and a fish sing in the river " * 3,
    "stone",
    "",
    "a red stone",
    "sort the list!",
    "tree " * 200,
]
SAME = [("torch", "fp32"), ("packed", "fp32"), ("onnx", "fp32"), ("openvino", "fp32")]
NEAR = [("torch", "bf16"), ("packed", "bf16"), ("torch", "fp16"), ("packed", "fp16")]
ROUNDED = [("torch", "int8"), ("packed", "int8"), ("onnx", "int8"), ("openvino", "int8")]

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
}


def other(kind: str) -> Embedder:
    """Tiny models of other architectures."""
    tokenizer = tiny_tokenizer()
    given = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    encoder: PreTrainedModel
    torch.manual_seed(0)
    if kind == "roberta":
        encoder = RobertaModel(RobertaConfig(**SIZES, **given), add_pooling_layer=False)
    elif kind == "relu":
        encoder = RobertaModel(RobertaConfig(**SIZES, **given, hidden_act="relu"), add_pooling_layer=False)
    elif kind == "electra":
        encoder = ElectraModel(ElectraConfig(**SIZES, **given, embedding_size=16))
    else:
        sizes = {"dim": 32, "n_layers": 3, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 66}
        encoder = DistilBertModel(DistilBertConfig(**sizes, **given))
    for parameter in encoder.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.2)
    return Embedder(encoder.eval(), tokenizer, EmbedderSettings(max_length=64))


def cosines(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return (got * expected).sum(1) / np.linalg.norm(got, axis=1) / np.linalg.norm(expected, axis=1)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "last"])
@pytest.mark.parametrize(("backend", "precision"), SAME)
def test_float32_is_embedder_encode_at_every_depth(backend: Any, precision: Any, pooling: str) -> None:
    embedder = tiny_model(pooling=pooling)
    engine = Engine(embedder, precision, backend=backend)
    assert (engine.backend.name, engine.precision) == (backend, precision)
    for layers, dimensions in ((1, None), (2, 8), (3, 32), (None, None)):
        expected = embedder.encode(TEXTS, layers=layers, dimensions=dimensions).numpy()
        for max_tokens in (64, 4096):
            got = engine.encode(TEXTS, layers=layers, dimensions=dimensions, max_tokens=max_tokens)
            np.testing.assert_allclose(got, expected, atol=2e-5)
        for number in (0, 3):  # alone, and alone with nothing but its specials
            alone = engine.encode(TEXTS[number : number + 1], layers=layers, dimensions=dimensions)
            np.testing.assert_allclose(alone, expected[number : number + 1], atol=2e-5)


@pytest.mark.parametrize("kind", ["roberta", "relu", "electra"])
@pytest.mark.parametrize("backend", ["packed", "onnx", "openvino"])
def test_bert_like_architectures(backend: Any, kind: str) -> None:
    embedder = other(kind)
    engine = Engine(embedder, "fp32", backend=backend)
    assert engine.backend.packs
    for layers in (2, None):
        expected = embedder.encode(TEXTS, layers=layers).numpy()
        np.testing.assert_allclose(engine.encode(TEXTS, layers=layers), expected, atol=2e-5)


@pytest.mark.parametrize("backend", [None, "onnx", "openvino"])
def test_other_architectures_are_exported(backend: Any) -> None:
    embedder = other("distilbert")
    engine = Engine(embedder, "fp32", backend=backend)
    assert engine.backend.name == (backend or "torch")
    for layers in (2, None):
        expected = embedder.encode(TEXTS, layers=layers).numpy()
        np.testing.assert_allclose(engine.encode(TEXTS, layers=layers), expected, atol=2e-5)


@pytest.mark.parametrize(("backend", "precision"), NEAR)
def test_half_the_bits_point_the_same_way(backend: Any, precision: Any) -> None:
    if precision == "fp16" and not has_fbgemm():
        pytest.skip("this CPU has no FBGEMM")
    embedder = tiny_model()
    engine = Engine(embedder, precision, backend=backend)
    for layers in (1, 3, None):
        expected = embedder.encode(TEXTS, layers=layers).numpy()
        got = engine.encode(TEXTS, layers=layers)
        assert cosines(got, expected).min() >= 0.999
        assert not np.array_equal(got, expected)  # it was computed in another way
    assert {parameter.dtype for parameter in embedder.parameters()} == {torch.float32}


@pytest.mark.parametrize(("backend", "precision"), ROUNDED)
def test_eight_bits_lose_what_the_probe_says(backend: Any, precision: Any) -> None:
    if backend in ("torch", "packed") and not has_fbgemm():
        pytest.skip("this CPU has no FBGEMM")
    embedder = tiny_model()
    engine = Engine(embedder, precision, backend=backend)
    for layers in (1, None):
        expected = embedder.encode(TEXTS, layers=layers).numpy()
        found = cosines(engine.encode(TEXTS, layers=layers), expected)
        assert 0.99 <= found.min() < 0.9999999


def test_states_of_several_lengths_in_the_packed_path() -> None:
    embedder = tiny_model(layers=3, max_length=64)
    backend = open_backend("packed", Setting.of(embedder, 0, "fp32", torch.device("cpu")))
    ids = [[7] * 5, [8] * 60, [9], [10] * 7, [11] * 6, [12] * 5]
    found = backend.states(ids, 3)
    assert found.length_B.tolist() == [5, 60, 1, 7, 6, 5]
    for row, start, length in zip(ids, found.start_B, found.length_B, strict=True):
        tokens = torch.tensor([row])
        expected = embedder.encoder(tokens, torch.ones_like(tokens)).last_hidden_state[0]
        torch.testing.assert_close(
            found.states_MD[start : start + length], expected.detach(), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_compiling_is_done_twice_a_depth_whatever_comes(kind: str) -> None:
    graphs = []

    def compiler(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    embedder = tiny_model(layers=5) if kind == "bert" else other(kind)
    depths = [*range(1, embedder.num_layers)]
    engine = Engine(embedder, "fp32", backend="torch")
    setting = Setting.of(embedder, engine.tokens.pad_id, "fp32", torch.device("cpu"))
    engine.backend = TorchCompile(setting, compiler)
    for layers in depths:
        for texts in (TEXTS, TEXTS[:2], TEXTS[3:5], TEXTS[6:], [TEXTS[3]]):
            expected = embedder.encode(texts, layers=layers).numpy()
            np.testing.assert_allclose(engine.encode(texts, layers=layers), expected, atol=2e-5)
        one_token = engine.pooled([[5]], layers=layers)
        np.testing.assert_allclose(
            one_token, Engine(embedder, "fp32", backend="torch").pooled([[5]], layers=layers), atol=2e-5
        )
    assert len(graphs) == 2 * len(depths)


def test_compiled_by_inductor() -> None:
    embedder = tiny_model(layers=1)
    try:
        engine = Engine(embedder, "fp32", backend="compile")
    except InputError as error:
        pytest.skip(str(error))
    np.testing.assert_allclose(engine.encode(TEXTS), embedder.encode(TEXTS).numpy(), atol=2e-5)


def test_what_cannot_be_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="did you mean 'packed'"):
        check_backend("pack", "fp32")
    with pytest.raises(InputError, match="backend onnx has no bf16; expected one of fp32, int8"):
        check_backend("onnx", "bf16")
    with pytest.raises(InputError, match="packed does not run this 'distilbert' model"):
        Engine(other("distilbert"), backend="packed")
    with pytest.raises(InputError, match="onnx runs on CPUs; expected torch or compile"):
        open_backend("onnx", Setting.of(tiny_model(), 0, "fp32", torch.device("meta")))
    with pytest.raises(InputError, match="fp16 on GPUs alone"):
        Engine(tiny_model(), "fp16", backend="compile")
    monkeypatch.setattr(opening.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"openvino needs openvino; expected pip install 'embedworks\[openv"
    ):
        Engine(tiny_model(), backend="openvino")


def test_a_model_that_does_not_export_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **options: Any) -> None:
        raise RuntimeError("no such operator\nand a long tail")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(
        InputError, match="'distilbert' model does not export to ONNX: no such operator; exp"
    ):
        Engine(other("distilbert"), "fp32", backend="onnx").encode(["the cat"])


def test_precision_auto_follows_hardware_and_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(opening, "has_fast_bf16", lambda device: True)
    assert choose_precision("packed", "auto", cpu) == "bf16"
    assert choose_precision("onnx", "auto", cpu) == "fp32"
    assert choose_precision("packed", "fp32", cpu) == "fp32"
    monkeypatch.setattr(opening, "has_fast_bf16", lambda device: False)
    assert choose_precision("packed", "auto", cpu) == "fp32"
