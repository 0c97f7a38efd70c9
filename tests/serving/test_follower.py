"""What a follower does when an alias moves, is not seen, or leads to a bad version; without Ray."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from embedworks.errors import InputError
from embedworks.serving.config import ServeConfig
from embedworks.serving.follower import Follower
from embedworks.serving.plan import Plan, find_plan, followed, load_plan
from embedworks.serving.reading import parse_config
from embedworks.serving.rollout import Revision, Role
from helpers.tiny import tiny_embedder

SOURCE = "models:/docs@champion"


class Registry:
    """Versions of ``docs``, and where an alias leads."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self.folders = folders
        self.aliases = {"champion": "1", "challenger": "2"}
        self.down: Exception | None = None
        self.fetched: list[str] = []

    def version(self, source: str) -> str | None:
        if self.down:
            raise self.down
        alias = source.partition("@")[2]
        return self.aliases[alias] if alias else source.rpartition("/")[2]

    def __call__(self, source: str) -> Path:
        self.fetched.append(source)
        return self.folders[source.rpartition("/")[2]]


class Recorder:
    """An endpoint whose versions are all good but those in ``bad``."""

    def __init__(self, plan: Plan) -> None:
        self.now = plan
        self.bad: set[str] = set()
        self.done: list[tuple[Any, ...]] = []

    def plan(self) -> Plan:
        return load_plan(self.now.dump())  # as another process sees it

    def take(self, name: str, role: Role, revision: Revision) -> bool:
        if revision.version in self.bad:
            self.refuse(name, role, revision.version, "CheckFailed: zero")
            return False
        self.done.append(("take", name, role, revision.version))
        rollout = self.now.rollouts[name].saw(role, revision.version).moved(role, revision, 7, "moved")
        self.now = self.now.with_rollout(name, rollout)
        return True

    def refuse(self, name: str, role: Role, version: str, reason: str) -> None:
        self.done.append(("refuse", name, role, version))
        self.now = self.now.with_rollout(name, self.now.rollouts[name].refused(role, version, 7, reason))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry({str(n): tiny_embedder(tmp_path / str(n), layers=1, seed=n) for n in (1, 2, 3)})


def config(**model: Any) -> ServeConfig:
    return parse_config({"models": [{"name": "docs", "source": SOURCE, **model}], "follow": True}, "here")


@pytest.fixture
def endpoint(registry: Registry) -> Recorder:
    return Recorder(find_plan(config(), registry, None, 5))


def test_nothing_is_done_while_the_alias_stays(registry: Registry, endpoint: Recorder) -> None:
    assert endpoint.now.rollouts["docs"].current.version == "1"
    assert registry.fetched == ["models:/docs/1"]
    follower = Follower(endpoint, registry)
    follower.look()
    follower.look()
    assert endpoint.done == []
    assert registry.fetched == ["models:/docs/1"], "an alias is looked up, no model is fetched"


def test_a_moved_alias_is_rolled_to_once(registry: Registry, endpoint: Recorder) -> None:
    follower = Follower(endpoint, registry)
    registry.aliases["champion"] = "2"
    follower.look()
    follower.look()
    assert endpoint.done == [("take", "docs", "model", "2")]
    rollout = endpoint.now.rollouts["docs"]
    assert rollout.current.source == "models:/docs/2"
    assert rollout.previous is not None
    assert rollout.previous.version == "1"
    assert rollout.last_roll is not None
    assert (rollout.last_roll.before, rollout.last_roll.after) == ("1", "2")


def test_a_version_that_fails_is_not_tried_again_until_the_alias_moves(
    registry: Registry, endpoint: Recorder
) -> None:
    follower = Follower(endpoint, registry)
    endpoint.bad = {"2"}
    registry.aliases["champion"] = "2"
    follower.look()
    follower.look()
    assert endpoint.done == [("refuse", "docs", "model", "2")]
    rollout = endpoint.now.rollouts["docs"]
    assert rollout.current.version == "1"
    assert rollout.last_failure is not None
    assert rollout.last_failure.reason == "CheckFailed: zero"
    # Also by another follower, after this one was killed.
    Follower(endpoint, registry).look()
    assert len(endpoint.done) == 1
    registry.aliases["champion"] = "3"
    follower.look()
    assert endpoint.now.rollouts["docs"].current.version == "3"
    endpoint.bad = set()
    registry.aliases["champion"] = "2"
    follower.look()
    assert endpoint.now.rollouts["docs"].current.version == "2"


def test_a_folder_that_is_no_model_is_refused_before_anything_starts(
    registry: Registry, endpoint: Recorder
) -> None:
    (registry.folders["2"] / "config.json").unlink()
    registry.aliases["champion"] = "2"
    Follower(endpoint, registry).look()
    assert endpoint.done == [("refuse", "docs", "model", "2")]


def test_a_registry_that_is_away_is_told_of_and_asked_again(
    registry: Registry, endpoint: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter(range(100, 200)).__next__
    follower = Follower(endpoint, registry, clock)
    registry.down = ConnectionError("no route\nto host")
    follower.look()
    follower.look()
    trouble = follower.state()["troubles"][SOURCE]
    assert trouble == {"since": 100, "reason": "ConnectionError: no route"}
    assert len(caplog.records) == 1, "it is told once"
    registry.down = InputError("no alias 'champion'")  # an alias that was taken away
    follower.look()
    assert "no alias" in follower.state()["troubles"][SOURCE]["reason"]
    assert endpoint.done == []
    registry.down = None
    registry.aliases["champion"] = "2"
    follower.look()
    assert follower.state()["troubles"] == {}
    assert endpoint.done == [("take", "docs", "model", "2")]


def test_a_fetch_that_fails_is_tried_again(registry: Registry, endpoint: Recorder) -> None:
    registry.aliases["champion"] = "4"  # its files are not there yet
    follower = Follower(endpoint, registry)
    follower.look()
    assert "KeyError" in follower.state()["troubles"][SOURCE]["reason"]
    registry.folders["4"] = registry.folders["3"]
    follower.look()
    assert endpoint.done == [("take", "docs", "model", "4")]


def test_canary_and_shadow_are_followed_and_one_alias_in_trouble_holds_up_no_other(
    registry: Registry,
) -> None:
    challenger = {"source": "models:/docs@challenger", "share": 0.5}
    plan = find_plan(
        config(canary=challenger, shadow={**challenger, "source": "models:/docs/3"}), registry, None, 5
    )
    assert [(role, source) for _, role, source in followed(plan.config)] == [
        ("model", SOURCE),
        ("canary", "models:/docs@challenger"),
    ]
    endpoint = Recorder(plan)
    del registry.aliases["champion"]
    registry.aliases["challenger"] = "3"
    follower = Follower(endpoint, registry)
    follower.look()
    assert endpoint.done == [("take", "docs", "canary", "3")]
    assert endpoint.now.rollouts["docs"].previous is None
    assert list(follower.state()["troubles"]) == [SOURCE]


def test_what_was_promoted_by_hand_is_not_taken_back(registry: Registry, endpoint: Recorder) -> None:
    rollout = endpoint.now.rollouts["docs"]
    promoted = Revision(source="models:/docs/2", version="2", folder=registry.folders["2"], since=6)
    endpoint.now = endpoint.now.with_rollout("docs", rollout.moved("model", promoted, 6, "promoted"))
    Follower(endpoint, registry).look()
    assert endpoint.done == [], "the alias did not move"


def test_a_version_that_is_there_is_not_fetched_again(registry: Registry) -> None:
    plan = find_plan(config(), registry, None, 5)
    again = find_plan(config(replicas=2), registry, plan, 9)
    assert registry.fetched == ["models:/docs/1"]
    assert again.rollouts["docs"].current == plan.rollouts["docs"].current
    registry.aliases["champion"] = "2"
    moved = find_plan(config(), registry, again, 12).rollouts["docs"]
    assert (moved.current.version, moved.current.since) == ("2", 12)
    assert moved.previous == plan.rollouts["docs"].current


def test_the_resolver_travels_with_the_plan(tmp_path: Path, registry: Registry) -> None:
    plan = load_plan(find_plan(config(), registry, None, 5).dump())
    resolve: Any = plan.resolve()
    assert resolve.version(SOURCE) == "1"
    assert pickle.dumps(resolve)
