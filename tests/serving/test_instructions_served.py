"""A model that was trained with instructions, asked with an instruction, an input type, or both."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedworks.nn.instructions import Instructions
from embedworks.serving.config import Served
from embedworks.serving.protocol import ApiError, EmbeddingRequest
from embedworks.serving.room import Room
from helpers.tiny import tiny_decoder

TEMPLATE = Instructions()
QUERY = TEMPLATE.prompt("find the stone")


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Room:
    embedder = tiny_decoder(instructions=TEMPLATE, prompts={"query": QUERY}, pooler={})
    embedder.attend("bidirectional")
    folder: Path = embedder.save(tmp_path_factory.mktemp("served") / "m")
    opened = Room.open(Served(name="m", source="m", folder=folder, created=1, precision="fp32"))
    yield opened
    opened.close()


def ask(room: Room, **asked: Any) -> np.ndarray:
    return asyncio.run(room.answer(EmbeddingRequest(model="m", input="a red fish", **asked))).vectors[0]


def test_an_instruction_is_written_as_the_model_wants_it(room):
    expected = room.embedder.encode(["a red fish"], prompt=TEMPLATE.prompt("find the moon"))[0].numpy()
    np.testing.assert_allclose(ask(room, instruction="find the moon"), expected, atol=1e-5)
    np.testing.assert_allclose(
        ask(room, instruction="find the moon", input_type="query"), expected, atol=1e-5
    )


def test_another_instruction_gives_another_vector(room):
    one, other = ask(room, instruction="find the moon"), ask(room, instruction="sort the list")
    assert np.abs(one - other).max() > 1e-3


def test_documents_have_none(room):
    bare = ask(room)
    np.testing.assert_array_equal(ask(room, input_type="document"), bare)
    np.testing.assert_array_equal(ask(room, input_type="document", instruction="find the moon"), bare)
    assert np.abs(ask(room, input_type="query") - bare).max() > 1e-3


def test_requests_with_and_without_instructions_share_a_batch(room):
    async def together() -> list[np.ndarray]:
        asked = [{"instruction": "find the moon"}, {}, {"input_type": "query"}]
        requests = (EmbeddingRequest(model="m", input="a red fish", **one) for one in asked)
        return [answer.vectors[0] for answer in await asyncio.gather(*map(room.answer, requests))]

    found = asyncio.run(together())
    alone = [ask(room, instruction="find the moon"), ask(room), ask(room, input_type="query")]
    np.testing.assert_allclose(np.stack(found), np.stack(alone), atol=1e-5)


def test_a_prompt_and_an_instruction_are_still_one_too_many(room):
    with pytest.raises(ApiError, match="only one of"):
        ask(room, instruction="find the moon", prompt_name="query")
