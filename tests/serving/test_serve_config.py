import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from embedworks.errors import InputError
from embedworks.serving.config import Replicas, ServeConfig
from embedworks.serving.finding import find_models
from embedworks.serving.keys import add_key, make_key
from embedworks.serving.observing import settings as observing
from embedworks.serving.observing.settings import Logs, Tracing, check_tracing
from embedworks.serving.ports import check_port
from embedworks.serving.reading import load_config, parse_config
from embedworks.serving.source import configure, model_name, parse_replicas
from helpers.tiny import tiny_embedder

SHIPPED = sorted((Path(__file__).parents[2] / "serve").glob("*.yaml"))


def written(tmp_path: Path, **values: Any) -> Path:
    file = tmp_path / "endpoint.yaml"
    values = {"models": [{"name": "a", "source": "./a"}], **values}
    file.write_text(yaml.safe_dump(values))
    return file


def test_shipped_scenarios_are_valid() -> None:
    assert len(SHIPPED) >= 2
    for file in SHIPPED:
        config = load_config(file)
        assert config.models or config.indexes


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    assert load_config(written(tmp_path)).models[0].source == str(tmp_path / "a")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prot": 1}, "unknown key 'prot'.*did you mean 'port'"),
        ({"port": 70000}, "port: "),
        ({"models": []}, "models: "),
        ({"models": [{"name": "a", "source": "x", "num_cpu": 1}]}, "models.0.num_cpu.*mean 'num_cpus'"),
        ({"models": [{"name": "a", "source": "x", "replicas": 0}]}, "models.0.replicas.max: .*equal to 1"),
        (
            {"models": [{"name": "a", "source": "x", "replicas": {"min": 3, "max": 2}}]},
            "replicas: max=2 is below min=3",
        ),
        ({"models": [{"name": "a", "source": "x", "replicas": {"mix": 3}}]}, "mix.*did you mean 'min'"),
        ({"limits": {"timeout": 3}}, "unknown key 'limits.timeout'.*did you mean 'timeout_s'"),
        ({"keys": [{"name": "a", "id": "xyz"}]}, "keys.0.id"),
        ({"tracing": {"endpoint": "http://x", "samples": 1}}, "'tracing.samples'.*mean 'sample'"),
        ({"tracing": {"endpoint": "collector:4317"}}, "tracing.endpoint: "),
        ({"tracing": {"endpoint": "http://x", "sample": 2}}, "tracing.sample: .*equal to 1"),
        ({"logs": "text"}, "logs.format: .*'json'"),
        ({"logs": {"samples": 1}}, "unknown key 'logs.samples'.*did you mean 'sample'"),
        ({"models": [{"name": "a", "source": "x"}] * 2}, "two models are named 'a'"),
        ({"models": [{"name": n, "source": "x"} for n in "ab"], "door": "shared"}, "single model"),
        ({"pools": [{"name": "p"}]}, "pool 'p' has no model"),
        ({"pools": [{"name": "p", "cpus": 2}]}, "unknown key 'pools.0.cpus'.*did you mean 'num_cpus'"),
        (
            {"models": [{"name": "a", "source": "x", "pool": "smalls"}], "pools": [{"name": "small"}]},
            "no pool 'smalls'.*did you mean 'small'",
        ),
        (
            {
                "models": [{"name": "a", "source": "x", "pool": "p", "replicas": 2}],
                "pools": [{"name": "p"}],
            },
            "model 'a' has replicas, which its pool 'p' decides",
        ),
        (
            {
                "models": [{"name": "a", "source": "x", "pool": "p"}],
                "pools": [{"name": "p"}],
                "door": "shared",
            },
            "without a pool",
        ),
    ],
)
def test_faults_name_file_and_key(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"endpoint\.yaml: .*{message}"):
        load_config(written(tmp_path, **values))


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Serve configuration"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- a")
    with pytest.raises(InputError, match="is a mapping"):
        load_config(tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(InputError, match="not YAML"):
        load_config(tmp_path / "broken.yaml")


def one(source: str) -> ServeConfig:
    return parse_config({"models": [{"name": "a", "source": source}]}, "here")


def test_models_are_found_through_the_resolver_or_by_folder(tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "tiny")
    assert find_models(one(str(folder)))[0].folder == folder.resolve()
    asked: list[str] = []

    def resolve(source: str) -> Path:
        asked.append(source)
        return folder

    assert find_models(one("models:/docs@champion"), resolve)[0].folder == folder.resolve()
    assert asked == ["models:/docs@champion"]
    with pytest.raises(InputError, match="model registry"):
        find_models(one("models:/docs@champion"))


def test_models_that_cannot_be_served_stop_before_deployment(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model folder"):
        find_models(one(str(tmp_path / "none")))
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="is a pickle"):
        find_models(one(str(tmp_path)))
    folder = tiny_embedder(tmp_path / "tiny")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="tokenizer"):
        find_models(one(str(folder)))


def test_a_taken_port_is_refused_and_our_own_is_not() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} on 127.0.0.1.*--port"):
            check_port("127.0.0.1", port, ours=None)
        check_port("127.0.0.1", port, ours=("127.0.0.1", port))
    check_port("127.0.0.1", port, ours=None)
    with pytest.raises(InputError, match=r"listens on port 8000 .* cannot move to 8001"):
        check_port("127.0.0.1", 8001, ours=("127.0.0.1", 8000))
    with pytest.raises(InputError, match=r"cannot open 0\.0\.0\.0"):
        check_port("0.0.0.0", 8000, ours=("127.0.0.1", 8000))


def test_a_model_and_options_are_a_configuration(tmp_path: Path) -> None:
    config = configure("org/small", port=9000, replicas="1-3")
    assert (config.port, config.models[0].name) == (9000, "org/small")
    assert config.models[0].replicas == Replicas(min=1, max=3)
    config = configure(str(written(tmp_path, port=8100)), name="b", host="127.0.0.2")
    assert (config.port, config.host, config.models[0].name) == (8100, "127.0.0.2", "b")
    several = written(tmp_path, models=[{"name": n, "source": "x"} for n in "ab"])
    assert configure(str(several), port=8200).port == 8200
    with pytest.raises(InputError, match="several models"):
        configure(str(several), name="c")


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "10.0.0.1", "example.org"])
def test_an_address_that_others_reach_needs_a_key(tmp_path: Path, host: str) -> None:
    file = written(tmp_path)
    with pytest.raises(InputError, match=r"to other machines, and it has no API keys; expected .*keys add"):
        configure(str(file), host=host)
    add_key(tmp_path / "keys.yaml", make_key("me")[1])
    config = configure(str(file), host=host, keys=str(tmp_path / "keys.yaml"))
    assert [key.name for key in config.keys] == ["me"]
    named = load_config(written(tmp_path, host=host, keys="./keys.yaml"))
    assert named.keys == config.keys
    again = ServeConfig.model_validate(named.model_dump(mode="json"))
    assert again.keys == config.keys


def test_a_report_is_read_when_the_configuration_is(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<!doctype html><p>Compared")
    config = load_config(written(tmp_path, report="./report.html"))
    assert config.report == "<!doctype html><p>Compared"
    assert configure("org/small", report=str(tmp_path)).report == config.report
    assert ServeConfig.model_validate(config.model_dump(mode="json")) == config
    assert "Compared" not in repr(config)
    with pytest.raises(InputError, match=r"no report at .*expected report.html"):
        load_config(written(tmp_path, report="./reports"))


def test_names_and_replicas(tmp_path: Path) -> None:
    assert model_name("runs/docs/embedder") == "embedder"
    assert model_name("models:/docs@champion") == "docs"
    assert model_name("models:/docs/3") == "docs"
    assert model_name("org/small") == "org/small"
    assert model_name(str(tmp_path)) == tmp_path.name
    assert parse_replicas("2") == Replicas(min=2, max=2)
    assert parse_replicas("0-2") == Replicas(min=0, max=2)
    for bad in ("0", "3-2", "x", "1-", "-1"):
        with pytest.raises(InputError, match="N or MIN-MAX"):
            parse_replicas(bad)


ALIAS = {"name": "docs", "source": "models:/docs@champion"}


def test_what_changes_runs_behind_a_separate_door() -> None:
    variant = {"source": "other", "share": 0.1}
    plain = {"name": "docs", "source": "x"}
    for model in (
        {**ALIAS, "follow": True},
        {**plain, "canary": variant},
        {**plain, "shadow": variant},
        {**plain, "replicas": {"min": 0, "max": 2, "idle_s": 60}},
    ):
        config = parse_config({"models": [model]}, "here")
        assert not config.is_shared
        assert parse_config(config.model_dump(mode="json"), "there") == config
        with pytest.raises(InputError, match="need replicas behind the door; expected door: separate"):
            parse_config({"models": [model], "door": "shared"}, "here")
    assert parse_config({"models": [{**ALIAS, "follow": False}]}, "here").is_shared


def test_following_is_of_every_alias_or_of_a_model() -> None:
    models = [ALIAS, {"name": "code", "source": "x"}]
    every = parse_config({"models": models, "follow": {"every_s": 3}}, "here")
    assert {name: follow.every_s for name, follow in every.followed.items()} == {"docs": 3}
    own = parse_config({"models": [{**ALIAS, "follow": {"every_s": 7}}], "follow": True}, "here")
    assert own.followed["docs"].every_s == 7


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"follow": True}, "follow needs an alias; expected models:/NAME@ALIAS, not 'x'"),
        ({"follow": {"every": 3}}, "unknown key 'models.0.follow.every'.*did you mean 'every_s'"),
        ({"canary": {"source": "y", "share": 2}}, r"models\.0\.canary\.share"),
        ({"canary": {"source": "y", "share": 1, "replica": 2}}, "did you mean 'replicas'"),
        ({"checks": {"pairs": [["a"]]}}, r"models\.0\.checks\.pairs"),
        ({"shadow": {"source": "y", "share": 1}, "pool": "p"}, "is in a pool"),
    ],
)
def test_faults_of_what_changes_are_named(tmp_path: Path, model: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config(written(tmp_path, models=[{"name": "a", "source": "x", **model}]))


def test_other_versions_and_pairs_lie_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("the cat\ta cat\n")
    model = {"name": "a", "source": "./a", "checks": {"pairs": "./pairs.tsv"}}
    model["canary"] = {"source": "./b", "share": 0.5}
    config = load_config(written(tmp_path, models=[model])).models[0]
    assert config.canary is not None
    assert config.canary.source == str(tmp_path / "b")
    assert config.checks is not None
    assert config.checks.pairs == (("the cat", "a cat"),)


def test_a_pooled_model_runs_behind_a_separate_door() -> None:
    values = {
        "models": [{"name": "a", "source": "x", "pool": "p"}],
        "pools": [{"name": "p", "replicas": 2}],
    }
    config = parse_config(values, "here")
    assert not config.is_shared
    assert parse_config(config.model_dump(mode="json"), "there") == config


def test_traces_and_logs_are_configured_in_short() -> None:
    models = [{"name": "a", "source": "x"}]
    config = parse_config(
        {"models": models, "logs": "json", "tracing": {"endpoint": "https://c:4318/"}}, "test"
    )
    assert config.logs == Logs(sample=1.0)
    assert config.tracing is not None
    assert (config.tracing.address, config.tracing.sample) == ("https://c:4318/v1/traces", 0.01)
    whole = Tracing(endpoint="https://collector/team/v1/traces")
    assert whole.address == whole.endpoint
    assert ServeConfig.model_validate(config.model_dump(mode="json")) == config


def test_traces_that_nothing_can_send_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "EXPORTER", "not_installed.exporter")
    check_tracing(None)
    with pytest.raises(InputError, match=r"embedworks\[tracing\]"):
        check_tracing(Tracing(endpoint="http://c"))
