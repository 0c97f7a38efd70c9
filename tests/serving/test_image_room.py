"""Images over HTTP: mixed with texts in one request, exact, bounded, and refused where they have to be."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedworks.dual import DualEmbedder
from embedworks.serving import image_room
from embedworks.serving.asgi import Api
from embedworks.serving.config import Served
from embedworks.serving.deployments import LocalRoom
from embedworks.serving.image_room import ImageRoom
from embedworks.serving.room import Room
from helpers.pictures import picture, tiny_dual
from helpers.tiny import tiny_model

FILES = [picture(0), picture(1, format="JPEG")]


def uri(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def bare(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("dual")
    tiny_dual(place)
    return place


@pytest.fixture(scope="module")
def dual(folder: Path) -> DualEmbedder:
    return DualEmbedder.load(folder)


@pytest.fixture(scope="module")
def api(folder: Path) -> Api:
    about = {"created": 5, "precision": "fp32", "sizes": "any"}
    room = LocalRoom(Served(name="m", source="x", folder=folder, **about))
    assert isinstance(room.room, ImageRoom)
    return Api({"m": room})


def ask(api: Api, inputs: Any, **fields: Any) -> tuple[int, Any]:
    body = json.dumps({"model": "m", "input": inputs, **fields}).encode()
    return call(api, "POST", "/v1/embeddings", body)


def call(api: Api, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(api({"type": "http", "method": method, "path": path}, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def vectors(answer: Any) -> np.ndarray:
    return np.array([item["embedding"] for item in answer["data"]])


def test_texts_and_images_are_answered_in_the_order_they_were_sent(api, dual) -> None:
    inputs = [
        uri(FILES[0]),
        "the cat",
        {"image": bare(FILES[1])},
        {"text": "a dog"},
        {"image": uri(FILES[0])},
    ]
    status, answer = ask(api, inputs)
    assert status == 200
    seen, read = dual.encode_images(FILES).numpy(), dual.encode(["the cat", "a dog"]).numpy()
    np.testing.assert_allclose(vectors(answer), [seen[0], read[0], seen[1], read[1], seen[0]], atol=1e-5)
    assert [item["index"] for item in answer["data"]] == list(range(5))
    assert answer["usage"]["prompt_tokens"] == sum(
        len(dual.text.tokenizer(t)["input_ids"]) for t in ("the cat", "a dog")
    )


def test_one_image_alone(api, dual) -> None:
    expected = dual.encode_images(FILES[:1]).numpy()
    for one in (uri(FILES[0]), {"image": uri(FILES[0])}, [{"image": bare(FILES[0])}]):
        status, answer = ask(api, one)
        assert status == 200
        np.testing.assert_allclose(vectors(answer), expected, atol=1e-5)


def test_an_image_with_a_text_becomes_their_weighed_sum(api, dual) -> None:
    seen, read = dual.encode_images(FILES[:1]).numpy()[0], dual.encode(["the cat"]).numpy()[0]
    for weights, (w_image, w_text) in (({}, (1, 2)), ({"w_image": 3.0, "w_text": -1.0}, (3, -1))):
        status, answer = ask(api, [{"image": uri(FILES[0]), "text": "the cat", **weights}])
        mixed = w_image * seen + w_text * read
        assert status == 200
        np.testing.assert_allclose(vectors(answer)[0], mixed / np.linalg.norm(mixed), atol=1e-5)


def test_dimensions_cut_images_as_they_cut_texts(api, dual) -> None:
    status, answer = ask(api, [uri(FILES[0]), "the cat"], dimensions=8)
    assert status == 200
    expected = [
        dual.encode_images(FILES[:1], dimensions=8)[0].numpy(),
        dual.encode(["the cat"], dimensions=8)[0].numpy(),
    ]
    np.testing.assert_allclose(vectors(answer), expected, atol=1e-5)


def test_texts_alone_are_answered_as_by_a_room_of_texts(api, dual) -> None:
    served = Served(name="m", source="x", folder=Path("x"), created=5, precision="fp32")
    texts = Api({"m": LocalRoom.__new__(LocalRoom)})
    texts._rooms["m"].room = Room(dual.text, served)  # type: ignore[attr-defined]
    for inputs in ("the cat", ["the cat", "a"], [1, 2], [{"text": "the cat"}, "a"]):
        assert ask(api, inputs) == ask(texts, inputs)


def test_a_model_lists_what_it_reads(api) -> None:
    _, listed = call(api, "GET", "/v1/models/m")
    assert listed["embedworks"]["modalities"] == ["text", "image"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([uri(b"no picture")], "input 0 is no image"),
        ([uri(FILES[0]), uri(FILES[0][:200])], "input 1 is no image"),
        ([{"image": "https://example.org/cat.png"}], "input 0 is an address, which is not fetched"),
        ([{"image": "file:///etc/passwd"}], "an address"),
        ([{"image": "data:text/html;base64,AAAA"}], "an address"),
        ([{"image": "%%%"}], "input 0 is not base64"),
        ([{"image": "//169.254.169.254/latest"}], "input 0 is not base64"),
        ([{"picture": "x"}], "picture"),
        ([{}], "a text, an image, or both"),
        ([{"image": bare(FILES[0]), "w_text": "two"}], "w_text"),
        ([uri(FILES[0]), ""], "empty|at least 1"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(api, inputs, message) -> None:
    status, answer = ask(api, inputs)
    assert status == 400
    assert answer["error"]["param"] == "input"
    assert any(part in answer["error"]["message"] for part in message.split("|")), answer


def test_layers_are_refused_for_images(api) -> None:
    status, answer = ask(api, [uri(FILES[0])], layers=2)
    assert (status, answer["error"]["param"]) == (400, "layers")


def test_a_small_file_that_unfolds_to_a_giant_is_refused_unopened(api, monkeypatch) -> None:
    data = io.BytesIO()
    Image.new("1", (8000, 8000)).save(data, format="PNG")
    assert len(data.getvalue()) < 20_000
    status, answer = ask(api, [uri(data.getvalue())])
    assert status == 413
    assert "8000 x 8000 pixels" in answer["error"]["message"]
    monkeypatch.setattr(image_room, "MAX_REQUEST_PIXELS", 100)
    status, answer = ask(api, [uri(FILES[0])])
    assert status == 413
    assert "more than 100 pixels" in answer["error"]["message"]
    monkeypatch.setattr(image_room, "MAX_IMAGE_BYTES", 100)
    status, answer = ask(api, [uri(FILES[0])])
    assert status == 413
    assert "larger than 100 bytes" in answer["error"]["message"]


def test_a_model_of_texts_refuses_images_and_reads_data_uris_as_texts() -> None:
    model = tiny_model()
    served = Served(name="m", source="x", folder=Path("x"), created=5, precision="fp32")
    local = LocalRoom.__new__(LocalRoom)
    local.room = Room(model, served)
    api = Api({"m": local})
    status, answer = ask(api, [{"image": uri(FILES[0])}])
    assert status == 400
    assert "embeds texts alone" in answer["error"]["message"]
    status, answer = ask(api, "data:image/png;base64,AAAA")
    assert status == 200
    np.testing.assert_allclose(
        vectors(answer), model.encode(["data:image/png;base64,AAAA"]).numpy(), atol=1e-5
    )


def test_many_requests_at_once_each_get_their_own_vectors(folder, dual) -> None:
    room = LocalRoom(Served(name="m", source="x", folder=folder, created=5, precision="fp32"))
    files = [picture(seed) for seed in range(40)]
    expected = dual.encode_images(files).numpy()

    async def everyone() -> list[np.ndarray]:
        from embedworks.serving.protocol import parse_request

        asked = [parse_request(json.dumps({"model": "m", "input": uri(data)}).encode()) for data in files]
        answers = await asyncio.gather(*(room.answer(request) for request in asked))
        return [answer.vectors for answer in answers]

    np.testing.assert_allclose(np.concatenate(asyncio.run(everyone())), expected, atol=1e-5)
