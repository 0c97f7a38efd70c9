"""OpenAI's own client against the API in process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import numpy as np
import openai
import pytest

from embedworks.embedder import Embedder
from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from helpers.asgi import tiny_api
from helpers.tiny import tiny_model

TOKEN, KEY = make_key("client")
TEXTS = ["the cat", "a bird"]

Ask = Callable[[openai.AsyncOpenAI], Awaitable[Any]]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return tiny_model(pairs=((2, 16), (4, 32)))


@pytest.fixture(scope="module")
def asked(embedder: Embedder) -> Callable[..., Any]:
    """Runs what it is given with a client."""
    api, _ = tiny_api(embedder, Gate([KEY]))

    def run(ask: Ask, token: str = TOKEN) -> Any:
        async def go() -> Any:
            transport = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=api))
            client = openai.AsyncOpenAI(
                base_url="http://test/v1", api_key=token, http_client=transport, max_retries=0
            )
            async with client:
                return await ask(client)

        return asyncio.run(go())

    return run


@pytest.mark.parametrize(
    "encoding", [{}, {"encoding_format": "float"}]
)  # the default is base64 on the wire
def test_vectors_and_usage(asked, embedder, encoding) -> None:
    answer = asked(
        lambda client: client.embeddings.create(model="tiny", input=TEXTS, user="me", **encoding)
    )
    np.testing.assert_allclose(
        [row.embedding for row in answer.data], embedder.encode(TEXTS).numpy(), atol=1e-5
    )
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 8


def test_dimensions(asked, embedder) -> None:
    answer = asked(lambda client: client.embeddings.create(model="tiny", input=TEXTS, dimensions=16))
    expected = embedder.encode(TEXTS, layers=2, dimensions=16).numpy()
    np.testing.assert_allclose([row.embedding for row in answer.data], expected, atol=1e-5)
    with pytest.raises(openai.BadRequestError, match="expected one of 16, 32") as refused:
        asked(lambda client: client.embeddings.create(model="tiny", input=TEXTS, dimensions=17))
    assert (refused.value.param, refused.value.code) == ("dimensions", "untrained_size")


def test_token_ids(asked, embedder) -> None:
    ids = embedder.tokenize(["the cat"])["input_ids"].tolist()
    for given in (ids[0], ids):
        answer = asked(lambda client, given=given: client.embeddings.create(model="tiny", input=given))
        np.testing.assert_allclose(
            answer.data[0].embedding, embedder.encode(["the cat"])[0].numpy(), atol=1e-5
        )


def test_models(asked) -> None:
    listed = asked(lambda client: client.models.list())
    assert [model.id for model in listed.data] == ["tiny"]
    assert asked(lambda client: client.models.retrieve("tiny")).owned_by == "embedworks"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"model": "tin"}, openai.NotFoundError),
        ({"input": []}, openai.BadRequestError),
        ({"input": "tree " * 100}, openai.APIStatusError),
    ],
)
def test_refusals_are_the_clients_own_errors(asked, fields, error) -> None:
    with pytest.raises(error):
        asked(lambda client: client.embeddings.create(**{"model": "tiny", "input": "x", **fields}))


def test_a_wrong_key_is_an_authentication_error(asked) -> None:
    for ask in (
        lambda client: client.models.list(),
        lambda client: client.embeddings.create(model="tiny", input="x"),
    ):
        with pytest.raises(openai.AuthenticationError) as refused:
            asked(ask, token=TOKEN[:-1])
        assert refused.value.code == "invalid_api_key"
