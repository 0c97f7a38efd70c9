"""Indexes in a Serve configuration, in plans, and in the way from one plan to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from embedworks.errors import InputError
from embedworks.serving.application import build, lay_out
from embedworks.serving.config import ServeConfig
from embedworks.serving.plan import Plan, find_plan, load_plan
from embedworks.serving.reading import load_config, parse_config
from embedworks.serving.replicas import Replicas
from embedworks.serving.searching.deployment import describe_folder
from embedworks.serving.searching.standing import merged
from embedworks.serving.source import configure
from helpers.indexes import SmallIndex
from helpers.tiny import tiny_embedder


def planned(index: SmallIndex, standing: Plan | None = None, resolve: Any = None, **about: Any) -> Plan:
    values = {"indexes": [{"name": "docs", "path": str(index.path), **about}]}
    return lay_out(find_plan(parse_config(values, "here"), resolve, standing, 5))


def test_indexes_alone_are_an_endpoint_with_a_door_of_its_own(index: SmallIndex) -> None:
    plan = planned(index)
    assert not plan.config.is_shared
    (name,) = plan.rooms
    assert name.startswith("index-docs-")
    assert plan.index_routes == {"docs": name}
    assert plan.routes == {}
    assert load_plan(plan.dump()) == plan
    assert build(plan)._bound_deployment.name == "door"


def test_a_model_and_an_index_have_replicas_of_their_own(index: SmallIndex, tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "tiny")
    values = {
        "models": [{"name": "docs", "source": str(folder)}],
        "indexes": [{"name": "docs", "path": str(index.path)}],
    }
    plan = lay_out(find_plan(parse_config(values, "here"), None, None, 5))
    assert {name.split("-")[0] for name in plan.rooms} == {"room", "index"}
    with pytest.raises(InputError, match="door: shared is for a single model"):
        parse_config({**values, "door": "shared"}, "here")


def test_a_moved_pointer_or_another_number_of_replicas_is_no_other_deployment(index: SmallIndex) -> None:
    plan = planned(index)
    scaled = planned(index, plan, replicas={"min": 2, "max": 4})
    assert set(scaled.rooms) == set(plan.rooms)
    again = lay_out(load_plan(scaled.dump()).with_index(plan.config.index("docs")))
    assert set(again.rooms) == set(plan.rooms)
    others = [{"num_cpus": 2}, {"follow_s": 9}, {"sizes": "any"}, {"precision": "fp32"}]
    names = {name for about in others for name in planned(index, plan, **about).rooms}
    assert len(names | set(plan.rooms)) == len(others) + 1


def test_what_finds_models_goes_to_the_replicas(index: SmallIndex) -> None:
    without, having = planned(index), planned(index, resolve=find)
    assert without.resolver is None
    assert having.resolver is not None
    assert set(without.rooms) != set(having.rooms)
    resolve = having.resolve()
    assert resolve is not None
    assert resolve("x") == Path("x")


def find(source: str) -> Path:
    return Path(source)


def test_replicas_are_compared_by_numbers_of_one_kind(index: SmallIndex) -> None:
    """Serve starts replicas again whose options read 0 before and 0.0 after a round through JSON."""
    plan = planned(index)
    first, second = (
        build(lay_out(each))._bound_deployment.init_args[1][0]._bound_deployment.ray_actor_options
        for each in (plan, load_plan(plan.dump()))
    )
    assert str(first) == str(second)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "there is nothing to serve; expected models: .* or indexes: "),
        ({"indexes": [{"name": "a", "path": "x"}] * 2}, "two indexes are named 'a'"),
        ({"indexes": [{"name": "a/b", "path": "x"}]}, "indexes.0.name: "),
        ({"indexes": [{"name": "a", "path": "x", "follow": 3}]}, "indexes.0.follow'.*mean 'follow_s'"),
        ({"indexes": [{"name": "a", "path": "x", "replicas": {"mx": 2}}]}, "did you mean 'max'"),
        ({"indexes": [{"name": "a", "path": "x", "sizes": "all"}]}, "indexes.0.sizes: "),
        ({"playgrond": False}, "did you mean 'playground'"),
    ],
)
def test_faults_name_file_and_key(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    file = tmp_path / "endpoint.yaml"
    file.write_text(yaml.safe_dump(values or {"port": 8000}))
    with pytest.raises(InputError, match=rf"endpoint\.yaml: .*{message}"):
        load_config(file)


def test_paths_are_beside_the_file_and_whole_in_a_plan(
    index: SmallIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "endpoint.yaml"
    file.write_text(yaml.safe_dump({"indexes": [{"name": "docs", "path": "./docs"}]}))
    assert load_config(file).index("docs").path == str(tmp_path / "docs")
    monkeypatch.chdir(index.path.parent)
    config = parse_config({"indexes": [{"name": "docs", "path": index.path.name}]}, "here")
    assert find_plan(config, None, None, 5).config.index("docs").path == str(index.path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is no folder; expected the folder of an index"):
        find_plan(config, None, None, 5)
    assert [each.name for each in tmp_path.iterdir()] == ["endpoint.yaml"]


def test_options_name_indexes_by_their_folders(index: SmallIndex, tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "tiny")
    both = configure(str(folder), indexes=[str(index.path)])
    assert ([model.name for model in both.models], both.index("docs").path) == (["tiny"], str(index.path))
    alone = configure(None, indexes=[str(index.path)], port=9000)
    assert (alone.models, alone.port, alone.playground) == ([], 9000, True)
    with pytest.raises(InputError, match=r"nothing to serve; expected .*--index PATH"):
        configure(None)
    with pytest.raises(InputError, match="has no model; expected replicas in the file"):
        configure(None, indexes=[str(index.path)], replicas="2")
    with pytest.raises(InputError, match="two indexes are named 'docs'"):
        configure(None, indexes=[str(index.path)] * 2)
    with pytest.raises(InputError, match=r"no index 'dosc' is served.*did you mean 'docs'"):
        both.index("dosc")
    assert ServeConfig.model_validate(both.model_dump(mode="json")) == both


def test_an_index_that_sleeps_is_described_from_its_files(index: SmallIndex) -> None:
    served = parse_config(
        {"indexes": [{"name": "x", "path": str(index.path), "replicas": {"min": 0, "max": 1}}]}, "here"
    ).index("x")
    card = describe_folder(served)
    assert (card["id"], card["rows"], card["version"]) == ("x", index.record.rows, index.record.id)
    assert served.replicas == Replicas(min=0, max=1)


def test_states_of_replicas_are_told_as_one() -> None:
    old = {"version": "1", "rows": 5, "model": "m", "since": 10, "trouble": None}
    new = {"version": "2", "rows": 6, "model": "n", "since": 20, "trouble": None}
    about = merged([old, new, {**old, "trouble": {"version": "2"}}])
    assert (about["version"], about["rows"], about["since"]) == ("2", 6, 20)
    assert about["versions"] == {"1": 2, "2": 1}
    assert about["trouble"] == {"version": "2"}
    assert merged([])["version"] is None
