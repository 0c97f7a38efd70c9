"""What a served folder may not do, and what a replica may not say."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from embedworks.errors import InputError
from embedworks.serving.config import ServeConfig, Served
from embedworks.serving.deployments import Door, RoomReplica
from embedworks.serving.keys import make_key
from embedworks.serving.room import Room
from embedworks.task import EmbeddingRequest
from helpers.asgi import post, tiny_api
from helpers.tiny import tiny_embedder, tiny_model

EVIL = """
from pathlib import Path
from transformers import BertConfig, BertModel
Path({proof!r}).touch()
class OwnConfig(BertConfig):
    model_type = "own"
class OwnModel(BertModel):
    config_class = OwnConfig
"""


def served(folder: Path) -> Served:
    return Served(name="tiny", source="x", folder=folder, created=5, precision="fp32")


def test_code_in_a_models_folder_is_not_run(tmp_path: Path) -> None:
    folder, proof = tiny_embedder(tmp_path / "tiny"), tmp_path / "ran"
    (folder / "own.py").write_text(EVIL.format(proof=str(proof)))
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer["auto_map"] = {"AutoTokenizer": ["own.OwnTokenizer", None]}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    with pytest.raises(InputError, match="cannot read"):
        Room.open(served(folder))
    assert not proof.exists()


def test_a_door_is_shut_until_it_knows_its_keys(tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "tiny")
    door = Door([served(folder)], None)
    assert post(door.api, "embeddings", input="x")[0] == 401
    token, key = make_key("me")
    models = [{"name": "tiny", "source": str(folder)}]
    config = ServeConfig.model_validate({"models": models, "keys": [key]})
    asyncio.run(door.reconfigure(config.model_dump(mode="json")))
    assert post(door.api, "embeddings", input="x")[0] == 401
    assert post(door.api, "embeddings", {"authorization": f"Bearer {token}"}, input="x")[0] == 200
    asyncio.run(door.reconfigure({"models": models}))
    assert post(door.api, "embeddings", input="x")[0] == 200


def test_a_replica_fails_without_saying_what_it_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        async def answer(self, request: EmbeddingRequest) -> Any:
            raise ValueError(str(request.input))

    replica = RoomReplica.__new__(RoomReplica)
    replica.room = Failing()  # type: ignore[assignment]
    found = asyncio.run(replica.answer(EmbeddingRequest(model="m", input="private words")))
    assert found.status == 500  # type: ignore[union-attr]
    assert "ValueError" in caplog.text
    assert "private words" not in caplog.text + str(found)
    replica.room = tiny_api(tiny_model())[1]
    found = asyncio.run(replica.answer(EmbeddingRequest(model="m", input=["a", ""])))
    assert (found.status, found.error["param"]) == (400, "input")  # type: ignore[union-attr]
