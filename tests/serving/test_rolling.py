"""What runs at every step from one version to the next, without Serve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from embedworks.serving import rolling
from embedworks.serving.application import autoscaling, lay_out
from embedworks.serving.config import Replicas
from embedworks.serving.plan import Plan, find_plan, load_plan
from embedworks.serving.reading import parse_config
from embedworks.serving.rolling import RollFailed, reason, roll
from helpers.tiny import tiny_embedder


class Steps:
    """Takes Serve's place: what was asked to run, and which step fails."""

    def __init__(self) -> None:
        self.done: list[tuple[str, set[str]]] = []
        self.begun: list[Mapping[str, int]] = []
        self.fails_at = -1
        self.running: dict[str, int] = {}

    def run(self, plan: Plan, rooms: Any, started: Any, needed: Any, timeout_s: float) -> None:
        version = "+".join(rollout.current.version for rollout in plan.rollouts.values())
        self.done.append((version, set(rooms)))
        self.begun.append(started)
        assert set(needed) <= set(rooms)
        if len(self.done) - 1 == self.fails_at:
            raise RollFailed("CheckFailed: zero")

    def put_back(self, standing: Plan) -> None:
        self.done.append(("back", set(standing.rooms)))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    found = Steps()
    monkeypatch.setattr(rolling, "_run", found.run)
    monkeypatch.setattr(rolling, "_put_back", found.put_back)
    monkeypatch.setattr(rolling, "_await_proxies", lambda: None)
    monkeypatch.setattr(rolling, "running_replicas", lambda: found.running)
    return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("versions")
    return {name: tiny_embedder(place / name, layers=1, seed=n) for n, name in enumerate("abc")}


def planned(folder: Path, standing: Plan | None = None, **model: Any) -> Plan:
    values = {"models": [{"name": "docs", "source": str(folder), **model}], "door": "separate"}
    return lay_out(find_plan(parse_config(values, "here"), None, standing, 5))


def version(plan: Plan) -> str:
    return plan.rollouts["docs"].current.version


def test_the_first_deployment_is_one_step(steps: Steps, folders: dict[str, Path]) -> None:
    plan = planned(folders["a"])
    roll(plan, None, 1)
    assert steps.done == [(version(plan), set(plan.rooms))]


def test_the_new_starts_behind_doors_that_do_not_know_it_and_the_old_goes_last(
    steps: Steps, folders: dict[str, Path]
) -> None:
    old = planned(folders["a"])
    new = planned(folders["b"], old)
    roll(new, old, 1)
    both = {*old.rooms, *new.rooms}
    assert len(both) == 2
    assert steps.done == [(version(old), both), (version(new), both), (version(new), set(new.rooms))]


@pytest.mark.parametrize("step", [0, 1])
def test_what_does_not_come_up_is_taken_away_again(
    steps: Steps, folders: dict[str, Path], step: int
) -> None:
    old = planned(folders["a"])
    steps.fails_at = step
    with pytest.raises(RollFailed, match="zero"):
        roll(planned(folders["b"], old), old, 1)
    assert len(steps.done) == step + 2
    assert steps.done[-1] == ("back", set(old.rooms))


def test_scaling_starts_no_other_deployment(steps: Steps, folders: dict[str, Path]) -> None:
    old = planned(folders["a"])
    new = planned(folders["a"], old, replicas=3, canary=None)
    assert set(new.rooms) == set(old.rooms)
    roll(new, old, 1)
    assert len(steps.done) == 1


def test_a_change_of_what_a_replica_knows_is_another_deployment(folders: dict[str, Path]) -> None:
    plans = [
        planned(folders["a"], **model)
        for model in ({}, {"max_waiting": 7}, {"checks": {"pairs": [["a", "b"]]}}, {"num_cpus": 2})
    ]
    assert len({name for plan in plans for name in plan.rooms}) == 4
    with_canary = planned(folders["a"], canary={"source": str(folders["b"]), "share": 0.5})
    assert set(plans[0].rooms) < set(with_canary.rooms)


def test_a_new_version_begins_with_as_many_replicas_as_answer_now(
    steps: Steps, folders: dict[str, Path]
) -> None:
    many = {"replicas": {"min": 1, "max": 8}}
    old = planned(folders["a"], **many)
    new = planned(folders["b"], old, **many)
    steps.running = {next(iter(old.rooms)): 5}
    roll(new, old, 1)
    assert steps.begun[0] == {next(iter(new.rooms)): 5}
    asleep = {"replicas": {"min": 0, "max": 8}}
    steps.running = {}
    roll(planned(folders["c"], new, **asleep), new, 1)
    assert set(steps.begun[3].values()) == {1}, "one is started to be checked, although nobody asks"


def test_a_promoted_canary_is_not_started_again(steps: Steps, folders: dict[str, Path]) -> None:
    old = planned(folders["a"], canary={"source": str(folders["b"]), "share": 0.5})
    rollout = old.rollouts["docs"]
    assert rollout.canary is not None
    model = old.config.model("docs").model_copy(update={"canary": None, "source": str(folders["b"])})
    moved = rollout.moved("model", rollout.canary, 9, "promoted").model_copy(update={"canary": None})
    new = lay_out(old.with_rollout("docs", moved, model))
    assert set(new.rooms) < set(old.rooms)
    assert old.routes["docs"].canary is not None
    assert new.routes["docs"].room == old.routes["docs"].canary[0]
    roll(new, old, 1)
    assert steps.done == [(version(new), set(old.rooms)), (version(new), set(new.rooms))]


def test_a_canary_of_the_same_version_is_no_canary(folders: dict[str, Path]) -> None:
    plan = planned(folders["a"], canary={"source": str(folders["a"]), "share": 0.5})
    assert len(plan.rooms) == 1
    assert plan.routes["docs"].canary is None


def test_what_sleeps_is_described_without_being_woken(folders: dict[str, Path]) -> None:
    plan = planned(folders["a"], replicas={"min": 0, "max": 2})
    card = plan.routes["docs"].card
    assert card is not None
    assert card["embedworks"]["version"] == version(plan)
    assert planned(folders["a"]).routes["docs"].card is None
    settings = autoscaling(Replicas(min=0, max=2, idle_s=9))
    assert (settings["min_replicas"], settings["downscale_to_zero_delay_s"]) == (0, 9)


def test_a_plan_survives_being_kept(folders: dict[str, Path]) -> None:
    plan = planned(folders["a"], canary={"source": str(folders["b"]), "share": 0.5})
    assert load_plan(plan.dump()) == plan


def test_the_reason_is_what_was_raised_last() -> None:
    text = (
        "The deployment failed to start 2 times. Error:\nray.exceptions.RayTaskError(RuntimeError): here\n"
    )
    text += "  File x\nembedworks.serving.checks.CheckFailed: vectors are not finite at layer 2\n"
    assert reason(text) == "CheckFailed: vectors are not finite at layer 2"
    assert reason("no resources") == "no resources"
    assert reason("") == ""
