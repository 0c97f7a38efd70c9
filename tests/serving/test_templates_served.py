"""Prompts with a place for the text at an endpoint: ``prompt_name`` is the way a model is read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedworks.serving.config import Served
from embedworks.serving.protocol import ApiError, EmbeddingRequest
from embedworks.serving.room import Room
from embedworks.transforms.templates import AND
from helpers.tiny import tiny_decoder

PROMPTS = {
    "prompteol": 'the {sentence} is in "',
    "echo": "read {text} read the {text}",
    "metaeol": f'the {{sentence}} is in "{AND}a {{sentence}} is "',
}
TEXTS = ["a red fish", "the old dog sings", "stone"]


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Room:
    embedder = tiny_decoder(prompts=PROMPTS, normalize=False, pooling="mean", pairs=((1, 32), (3, 32)))
    folder: Path = embedder.save(tmp_path_factory.mktemp("templates") / "m")
    opened = Room.open(Served(name="m", source="m", folder=folder, created=1, precision="fp32"))
    yield opened
    opened.close()


async def ask(room: Room, **asked: Any) -> np.ndarray:
    return (await room.answer(EmbeddingRequest(**{"model": "m", "input": TEXTS, **asked}))).vectors


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_by_its_name_is_read_as_the_embedder_reads_it(room, name):
    found = asyncio.run(ask(room, prompt_name=name))
    np.testing.assert_allclose(found, room.embedder.encode(TEXTS, prompt=PROMPTS[name]), atol=1e-5)
    shallow = asyncio.run(ask(room, prompt_name=name, layers=1))
    np.testing.assert_allclose(
        shallow, room.embedder.encode(TEXTS, prompt=PROMPTS[name], layers=1), atol=1e-5
    )


def test_all_of_them_share_a_batch(room):
    async def together() -> list[np.ndarray]:
        return await asyncio.gather(ask(room), *(ask(room, prompt_name=name) for name in PROMPTS))

    bare, *found = asyncio.run(together())
    np.testing.assert_allclose(bare, room.embedder.encode(TEXTS), atol=1e-5)
    for name, vectors in zip(PROMPTS, found, strict=True):
        np.testing.assert_allclose(vectors, room.embedder.encode(TEXTS, prompt=PROMPTS[name]), atol=1e-5)


def test_a_long_text_is_cut_and_its_prompt_is_not(room):
    found = asyncio.run(ask(room, input="fish " * 200, prompt_name="prompteol", truncate=True))
    expected = room.embedder.encode(["fish " * 200], prompt=PROMPTS["prompteol"])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ApiError, match="at most 64"):
        asyncio.run(ask(room, input="fish " * 200, prompt_name="echo", truncate=False))


def test_a_request_brings_no_template_of_its_own(room):
    with pytest.raises(ApiError, match="put in front"):
        asyncio.run(ask(room, instruction="say {text} again"))
