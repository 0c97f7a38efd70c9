import json
import pickle
import signal
from pathlib import Path
from typing import Any

import pytest

from embedworks.cli import serve
from embedworks.cli.main import exit_code
from embedworks.errors import InputError
from embedworks.serving import gateway
from embedworks.serving.config import Replicas, ServeConfig
from embedworks.serving.gateway import Endpoint
from embedworks.serving.keys import KeyRing, load_keys
from helpers.commands import output_of
from helpers.tiny import tiny_embedder


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replaces the cluster: what the gateway is asked for."""
    calls: list[Any] = []

    def deploy(config: ServeConfig, resolve: Any, tell: Any) -> Endpoint:
        calls.append((config, resolve))
        models, indexes = ([each.name for each in parts] for parts in (config.models, config.indexes))
        return Endpoint("http://127.0.0.1:8000/v1", tuple(models), tuple(indexes), config.playground)

    def scale(name: str, replicas: Replicas, tell: Any, index: bool) -> Endpoint:
        calls.append((f"index {name}" if index else name, replicas))
        return Endpoint("http://127.0.0.1:8000/v1", (name,))

    def changed(word: str) -> Any:
        def change(name: str, tell: Any) -> Endpoint:
            calls.append((word, name))
            return Endpoint("http://127.0.0.1:8000/v1", (name,))

        return change

    monkeypatch.setattr(gateway, "deploy", deploy)
    monkeypatch.setattr(gateway, "scale", scale)
    monkeypatch.setattr(gateway, "promote", changed("promote"))
    monkeypatch.setattr(gateway, "roll_back", changed("roll back"))
    monkeypatch.setattr(gateway, "delete", lambda: calls.append("delete") or True)
    monkeypatch.setattr(serve, "_connect", lambda address, needs_running: calls.append(address))
    return calls


def run(*arguments: str) -> str:
    return output_of(serve.group, *arguments)


def test_the_first_word_is_what_to_deploy(calls: list[Any], tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "tiny")
    output = run(str(folder), "--port", "9000", "--replicas", "1-2", "--no-block", "--address", "a:1")
    config, resolve = calls[1]
    assert calls[0] == "a:1"
    assert (config.port, config.models[0].name) == (9000, "tiny")
    assert config.models[0].replicas == Replicas(min=1, max=2)
    assert resolve(str(folder)) == folder
    assert "curl http://127.0.0.1:8000/v1/embeddings" in output
    assert 'OpenAI(base_url="http://127.0.0.1:8000/v1"' in output


@pytest.mark.usefixtures("calls")
def test_an_order_to_stop_while_it_deploys_is_like_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gateway, "deploy", lambda *_: signal.raise_signal(signal.SIGTERM))
    monkeypatch.setattr("sys.argv", ["embedworks", "serve", str(tiny_embedder(tmp_path / "tiny"))])
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert exit_code() == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "stopped" in capsys.readouterr().err


def test_options_may_come_first_and_json_is_json(calls: list[Any], tmp_path: Path) -> None:
    output = run("--json", "--no-block", "--name", "docs", str(tiny_embedder(tmp_path / "tiny")))
    told = json.loads(output)
    assert (told["url"], told["models"], told["indexes"]) == ("http://127.0.0.1:8000/v1", ["docs"], [])


def test_sub_commands_are_still_reached(calls: list[Any]) -> None:
    assert "docs: 3 replicas" in run("scale", "docs", "3")
    assert json.loads(run("delete", "--json")) == {"deleted": True}
    assert calls[1] == ("docs", Replicas(min=3, max=3))
    assert calls[-1] == "delete"


def test_versions_are_changed_by_name(calls: list[Any]) -> None:
    assert "docs: its canary is the model now" in run("promote", "docs")
    assert json.loads(run("rollback", "docs", "--json"))["models"] == ["docs"]
    assert "docs: 0-2 replicas" in run("scale", "docs", "0-2")
    assert [call for call in calls if call] == [
        ("promote", "docs"),
        ("roll back", "docs"),
        ("docs", Replicas(min=0, max=2)),
    ]


def test_an_alias_is_followed_when_asked_for(calls: list[Any], tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run("models:/docs@champion", "--follow", "--no-block", "--tracking-uri", uri)
    config, resolve = calls[-1]
    assert list(config.followed) == ["docs"]
    assert not config.is_shared
    assert pickle.loads(pickle.dumps(resolve)).tracking_uri == uri
    with pytest.raises(InputError, match="follow needs a model whose source is an alias"):
        run(str(tiny_embedder(tmp_path / "tiny")), "--follow", "--no-block")


def test_status_says_what_is_to_be_known_of_versions(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = {
        "compared": 9,
        "dropped": 1,
        "failed": 2,
        "refused": 1,
        "cosine": {"vectors": 9, "mean": 0.98},
    }
    about = {
        "version": "2",
        "since": 0,
        "previous": "1",
        "last_roll": {"at": 60, "before": "1", "after": "2", "why": "the alias moved"},
        "last_failure": {"at": 120, "version": "3", "role": "model", "reason": "CheckFailed: zero\nmore"},
        "canary": {"version": "4", "share": 0.1},
        "shadow": {"version": "5", "share": 1.0, "compared_with_model": report},
        "follows": {
            "source": "models:/docs@champion",
            "troubles": {"models:/docs@champion": {"since": 180, "reason": "no route"}},
        },
    }
    now = gateway.Status("RUNNING", "http://x/v1", "", {}, {"docs": about})
    monkeypatch.setattr(gateway, "status", lambda: now)
    assert run("status").splitlines() == [
        "RUNNING http://x/v1",
        "docs: version 2 since 1970-01-01 00:00:00Z, before: 1",
        "  canary 4 for 10%",
        "  shadow 5 for 100%; 9 compared, 1 dropped, 3 failed, mean cosine 0.9800",
        "  last roll 1970-01-01 00:01:00Z: 1 to 2, the alias moved",
        "  not taken 1970-01-01 00:02:00Z: model 3: CheckFailed: zero",
        "  follows models:/docs@champion",
        "  cannot see models:/docs@champion since 1970-01-01 00:03:00Z: no route",
    ]
    assert json.loads(run("status", "--json"))["models"]["docs"]["shadow"]["compared_with_model"] == report


def test_bad_input_comes_before_the_cluster(calls: list[Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Serve configuration"):
        run(str(tmp_path / "none.yaml"))
    with pytest.raises(InputError, match="N or MIN-MAX"):
        run("scale", "docs", "many")
    assert calls == []


def test_keys_are_shown_once_and_used_by_name(calls: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    added = json.loads(
        run("keys", "add", "me", "--requests-per-minute", "60", "--file", str(file), "--json")
    )
    assert added["key"].split("-", 2)[2] not in file.read_text()
    assert (
        KeyRing(load_keys(file)).find({b"authorization": b"Bearer " + added["key"].encode()}).name == "me"
    )
    (listed,) = json.loads(run("keys", "list", "--file", str(file), "--json"))
    assert (listed["name"], listed["requests_per_minute"], listed["tokens_per_minute"]) == ("me", 60, None)
    assert not {"salt", "digest"} & set(listed)
    assert "me  made" in run("keys", "list", "--file", str(file))
    folder = str(tiny_embedder(tmp_path / "tiny"))
    output = run(folder, "--no-block", "--host", "0.0.0.0", "--keys", str(file))
    assert "Bearer $KEY" in output
    assert [key.name for key in calls[-1][0].keys] == ["me"]
    with pytest.raises(InputError, match="did you mean 'me'"):
        run("keys", "remove", "mee", "--file", str(file))
    run("keys", "remove", "me", "--file", str(file))
    assert load_keys(file) == []


def test_an_address_that_others_reach_needs_a_key(calls: list[Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no API keys"):
        run(str(tiny_embedder(tmp_path / "tiny")), "--no-block", "--host", "0.0.0.0")
    assert calls == []
