"""Stages side by side: none before what it depends on, none beyond the CPUs, and an error ends it all."""

from __future__ import annotations

import signal
import threading
from types import SimpleNamespace

import pytest

from embedworks.jobs.load import load_job
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.schedule import Schedule, run_in_order, side_by_side, stage_cpus, waits_for
from embedworks.jobs.state import StageState

TRAIN = "kind: train, system: starbucks, corpus: {source: python-docs}, steps: 1"
JOB = f"""
name: side-by-side
parallel: 3
stages:
  - {{name: a, {TRAIN}, workers: 2}}
  - {{name: b, {TRAIN}}}
  - {{name: c, {TRAIN}, from: a}}
  - {{name: m, kind: merge, method: uniform-soup, models: [b, c]}}
  - {{name: s, kind: evaluate, models: [a, m], tasks: [python-docs-similarity]}}
  - {{name: first, kind: register, from: s, model: toy}}
  - {{name: d, {TRAIN}, from: "models:/toy@champion"}}
  - {{name: second, kind: register, from: s, model: toy}}
"""
SECONDS = 30.0


@pytest.fixture
def context(tmp_path):
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    return SimpleNamespace(job=load_job(file).job, states={}, reporter=Reporter(), tracker=None)


class Runs:
    """Runs that end when they are told to, or at once where nothing else was said."""

    def __init__(self, context, failing: tuple[str, ...] = (), held: tuple[str, ...] = ()) -> None:
        self.context, self.failing = context, failing
        self.started: list[str] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self.gates = {name: threading.Event() for name in held}

    def __call__(self, stage) -> None:
        with self._lock:
            self.started.append(stage.name)
            self._now += 1
            self.most = max(self.most, self._now)
            if set(self.gates) <= set(self.started):
                for gate in self.gates.values():
                    gate.set()
        if gate := self.gates.get(stage.name):
            assert gate.wait(SECONDS), "what should run beside it did not start"
        with self._lock:
            self._now -= 1
        if stage.name in self.failing:
            raise RuntimeError(f"{stage.name} failed")
        self.context.states[stage.name] = True


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", set()),
        ("c", {"a"}),
        ("m", {"b", "c"}),
        ("s", {"a", "m"}),
        ("first", {"s"}),
        ("d", {"first"}),
        ("second", {"s", "first"}),
    ],
)
def test_a_stage_waits_for_what_it_reads(context, name, expected):
    assert waits_for(context.job, context.job.stage(name)) == expected


def test_stages_that_do_not_wait_run_side_by_side_and_the_others_in_their_order(context):
    runs = Runs(context, held=("a", "b"))
    Schedule(context, runs, cpus=8).work_off(context.job.stages)
    assert runs.most >= 2
    place = {name: index for index, name in enumerate(runs.started)}
    for stage in context.job.stages:
        for name in waits_for(context.job, stage):
            assert place[name] < place[stage.name]
    assert len(runs.started) == len(context.job.stages)


def test_no_more_run_than_the_cpus_allow(context):
    runs = Runs(context)
    Schedule(context, runs, cpus=4).work_off(context.job.stages[:2])
    assert (stage_cpus(context.job.stages[0]), stage_cpus(context.job.stages[1])) == (3, 2)
    assert runs.most == 1


def test_a_stage_that_is_too_large_for_the_cluster_still_runs_alone(context):
    runs = Runs(context)
    Schedule(context, runs, cpus=1).work_off(context.job.stages[:2])
    assert sorted(runs.started) == ["a", "b"]


def test_after_an_error_nothing_starts_and_what_runs_comes_to_its_end(context):
    runs = Runs(context, failing=("a",), held=("a", "b"))
    with pytest.raises(RuntimeError, match="a failed"):
        Schedule(context, runs, cpus=8).work_off(context.job.stages)
    assert sorted(runs.started) == ["a", "b"]
    assert context.states == {"b": True}


def test_one_at_a_time_keeps_the_order_of_the_file_and_leaves_out_what_is_done(context):
    context.job = context.job.model_copy(update={"parallel": 1})
    context.states["b"] = True
    runs = Runs(context)
    run_in_order(context, runs)
    assert runs.started == [stage.name for stage in context.job.stages if stage.name != "b"]
    assert runs.most == 1


def test_ctrl_c_ends_the_wait_and_closes_the_runs_of_the_stages_that_run(context, tmp_path):
    ended: list[tuple[str, str]] = []
    context.folder = lambda stage: tmp_path / stage.name
    context.tracker = SimpleNamespace(end=lambda run_id, status: ended.append((run_id, status)))
    StageState(run_id="run of a", status="running").save(tmp_path / "a")
    over = threading.Event()

    def run(_stage) -> None:
        signal.raise_signal(signal.SIGINT)
        over.wait(SECONDS)

    with pytest.raises(KeyboardInterrupt):
        Schedule(context, run, cpus=8).work_off(context.job.stages[:1])
    over.set()
    assert ended == [("run of a", "KILLED")]


def test_trainings_share_the_cores_with_those_that_may_run_beside_them(context):
    beside = {stage.name: side_by_side(context.job, stage) for stage in context.job.stages}
    # c comes after a; d waits for a registered model, and so for all the others.
    assert {name: beside[name] for name in "abcd"} == {"a": 2, "b": 3, "c": 2, "d": 1}
    alone = context.job.model_copy(update={"parallel": 1})
    assert side_by_side(alone, alone.stage("b")) == 1
