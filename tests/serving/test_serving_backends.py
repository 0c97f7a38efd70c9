"""What the configuration says of backends reaches the engine, the model's description and the user."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from embedworks.cli import serve
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference import auto
from embedworks.inference.quality import Likeness
from embedworks.serving import engines
from embedworks.serving.config import Served
from embedworks.serving.engines import floor_of, image_precision, open_engine
from embedworks.serving.finding import find_models
from embedworks.serving.protocol import EmbeddingRequest
from embedworks.serving.reading import parse_config
from embedworks.serving.room import Room
from embedworks.serving.source import configure
from helpers.models import set_config
from helpers.tiny import tiny_embedder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(auto.CACHE, str(tmp_path / "cache"))
    return tiny_embedder(tmp_path / "tiny")


def served(folder: Path, **options: Any) -> Served:
    return Served(name="tiny", source="x", folder=folder, created=5, **options)


def config(folder: Path, **options: Any) -> Any:
    return parse_config({"models": [{"name": "tiny", "source": str(folder), **options}]}, "c.yaml")


@pytest.mark.parametrize("backend", ["torch", "packed", "onnx", "openvino"])
def test_a_room_answers_by_the_backend_it_was_given(folder: Path, backend: Any) -> None:
    room = Room.open(served(folder, backend=backend, precision="fp32"))
    extra = room.description["embedworks"]
    assert (extra["backend"], extra["precision"], extra["cosine"]) == (backend, "fp32", None)
    answer = asyncio.run(room.answer(EmbeddingRequest(model="tiny", input=["the cat", "stone"])))
    expected = Embedder.load(folder).encode(["the cat", "stone"]).numpy()
    np.testing.assert_allclose(answer.vectors, expected, atol=2e-5)
    room.batcher.close()


def test_eight_bits_tell_their_loss_and_are_refused_below_the_floor(folder: Path) -> None:
    embedder = Embedder.load(folder)
    _, found = open_engine(embedder, served(folder, backend="onnx", precision="int8", min_cosine=0.5))
    assert found is not None
    assert 0.5 < found.least <= found.mean < 1
    room = Room(embedder, served(folder, backend="onnx", precision="int8", min_cosine=0.5))
    assert room.description["embedworks"]["cosine"] == found.rounded()
    room.batcher.close()
    with pytest.raises(InputError, match=r"tiny with backend onnx in int8 is too far from float32"):
        open_engine(embedder, served(folder, backend="onnx", precision="int8", min_cosine=1.0))
    assert (floor_of("int8", None), floor_of("bf16", None), floor_of("int8", 0.9)) == (0.98, 0.999, 0.9)


def test_auto_decides_once_for_all_replicas(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Embedder.load(folder)
    engine, found = open_engine(embedder, served(folder, backend="auto", precision="fp32"))
    assert found is None
    assert engine.backend.name in ("packed", "onnx", "openvino")

    def again(*given: Any) -> None:
        raise AssertionError("it was measured already")

    monkeypatch.setattr(auto, "pick", again)
    other, _ = open_engine(embedder, served(folder, backend="auto", precision="fp32"))
    assert other.backend.name == engine.backend.name


def test_an_export_of_an_unknown_architecture_is_compared_with_the_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from embedworks.inference.backends import onnx_runtime

    monkeypatch.setattr(onnx_runtime, "runs_unpadded", lambda encoder: False)
    monkeypatch.setattr(engines, "likeness", lambda engine, expected: Likeness(0.9, 0.2))
    with pytest.raises(InputError, match=r"cosine 0.2000.*expected at least 0.999"):
        open_engine(Embedder.load(folder), served(folder, backend="onnx", precision="fp32"))


def test_bad_configurations_stop_before_anything_starts(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"models\.0\.backend"):
        config(folder, backend="tensorrt")
    with pytest.raises(InputError, match=r"models\.0\.min_cosine"):
        config(folder, min_cosine=2)
    with pytest.raises(InputError, match="backend compile has no int8"):
        find_models(config(folder, backend="compile", precision="int8"))
    other = tiny_embedder(tmp_path / "other")
    set_config(other, model_type="distilbert")
    with pytest.raises(InputError, match="packed does not run this 'distilbert' model"):
        find_models(config(other, backend="packed"))
    assert find_models(config(folder, backend="openvino"))[0].backend == "openvino"


def test_the_option_reaches_the_configuration(folder: Path) -> None:
    assert configure(str(folder), backend="auto").models[0].backend == "auto"
    assert configure(str(folder)).models[0].backend is None


def test_an_image_tower_keeps_to_what_torch_has() -> None:
    assert [image_precision(one) for one in ("auto", "bf16", "int8", "fp16")] == (
        ["auto", "bf16", "fp32", "fp32"]
    )


def test_the_command_shows_and_remembers(folder: Path) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(serve.group, ["backends", str(folder), *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    shown = run("--precision", "fp32")
    assert "packed" in shown
    assert "32 mixed" in shown
    values = json.loads(run("--precision", "fp32", "--json"))
    assert values["remembered"]
    assert {row["backend"] for row in values["candidates"]} == {"packed", "onnx", "openvino"}
    assert values["backend"] in {row["backend"] for row in values["candidates"]}
    with pytest.raises(InputError, match="did you mean 'fp32'"):
        CliRunner().invoke(
            serve.group, ["backends", str(folder), "--precision", "fp23"], catch_exceptions=False
        )
