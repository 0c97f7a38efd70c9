import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from embedworks.errors import InputError
from embedworks.serving.gate import Gate
from embedworks.serving.keys import KeyRing, add_key, load_keys, make_key, remove_key
from embedworks.serving.refusals import ApiError
from helpers.asgi import call, post, tiny_api
from helpers.tiny import tiny_model


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def asking(token: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + token.encode()}


def test_a_file_is_its_owners_alone_and_holds_no_key(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.yaml"
    tokens = []
    before = os.umask(0)
    try:
        for name in ("me", "you"):
            token, key = make_key(name, 10, 1000)
            add_key(file, key)
            tokens.append(token)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["keys.yaml"]
    keys = load_keys(file)
    assert [(key.name, key.requests_per_minute, key.tokens_per_minute) for key in keys] == [
        ("me", 10, 1000),
        ("you", 10, 1000),
    ]
    for token in tokens:
        assert token.split("-", 2)[2] not in file.read_text()
    ring = KeyRing(keys)
    assert [ring.find(asking(token)).name for token in tokens] == ["me", "you"]


def test_a_removed_key_is_shut_out(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    token, key = make_key("me")
    add_key(file, key)
    with pytest.raises(InputError, match="did you mean 'me'"):
        remove_key(file, "mee")
    remove_key(file, "me")
    assert load_keys(file) == []
    with pytest.raises(ApiError):
        KeyRing(load_keys(file)).find(asking(token))


def test_files_that_cannot_be_keys_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    with pytest.raises(InputError, match=r"no keys at .*serve keys add"):
        load_keys(file)
    _, key = make_key("me")
    add_key(file, key)
    with pytest.raises(InputError, match="has a key 'me' already"):
        add_key(file, make_key("me")[1])
    file.chmod(0o640)
    with pytest.raises(InputError, match=r"open to others \(mode 640\); expected `chmod 600"):
        load_keys(file)
    file.chmod(0o600)
    for text, words in (("a: 1", "are a list"), ("a: [", "not YAML"), ("[{name: me}]", "Field required")):
        file.write_text(text)
        with pytest.raises(InputError, match=words):
            load_keys(file)
    with pytest.raises(InputError, match="name cannot be"):
        make_key("a b\n")


def test_two_keys_differ_in_everything() -> None:
    (one, first), (other, second) = make_key("a"), make_key("a")
    for part in (0, 1):
        assert one.split("-", 2)[1:][part] != other.split("-", 2)[1:][part]
    assert first.salt != second.salt
    assert first.digest != second.digest


@pytest.fixture(scope="module")
def served() -> Any:
    token, key = make_key("me")
    return token, tiny_api(tiny_model(), Gate([key]))[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[:-1],
        lambda t: t + "x",
        lambda t: "",
        lambda t: "ew--",
        lambda t: t.replace("ew-", "ewe-", 1),
        lambda t: "nobody",
        lambda t: "\xff",
    ],
)
def test_without_a_right_key_nothing_is_answered(served, spoil) -> None:
    token, api = served
    for method, path in (
        ("GET", "/v1/models"),
        ("GET", "/v1/models/tiny"),
        ("GET", "/v1/nothing"),
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/rerank"),
    ):
        status, body, headers = call(api, method, path, b"{", bearer(spoil(token)))
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert body["error"]["type"] == "invalid_request_error"
        assert token not in str(body)


def test_other_schemes_are_no_keys(served) -> None:
    token, api = served
    for value in (token, f"Basic {token}", "Bearer", ""):
        assert call(api, "GET", "/v1/models", headers={"authorization": value})[0] == 401
    assert call(api, "GET", "/v1/models", headers={"authorization": f"bearer {token}"})[0] == 200


def test_a_right_key_is_let_in(served) -> None:
    token, api = served
    assert post(api, "embeddings", bearer(token), input="the cat")[0] == 200


def test_probes_need_no_key_and_learn_no_names(served) -> None:
    _, api = served
    assert call(api, "GET", "/healthz")[:2] == (200, {"status": "ok"})
    status, document, _ = call(api, "GET", "/openapi.json")
    assert status == 200
    assert document["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}
    assert document["paths"]["/v1/embeddings"]["post"]["security"] == [{"bearer": []}]


def test_what_is_kept_is_a_salted_digest(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.yaml", make_key("me")[1])
    (row,) = yaml.safe_load((tmp_path / "keys.yaml").read_text())
    assert set(row) == {"name", "id", "salt", "digest", "created"}
    assert (len(bytes.fromhex(row["digest"])), len(bytes.fromhex(row["salt"]))) == (32, 16)
