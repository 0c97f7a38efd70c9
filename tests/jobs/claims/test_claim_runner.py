from __future__ import annotations

import zlib

import mlflow
import pytest

from embedworks.errors import InputError
from embedworks.jobs.claims import runner, values
from embedworks.jobs.claims.load import claims, load_claim
from embedworks.jobs.claims.page import write_pages
from embedworks.jobs.claims.record import record
from embedworks.jobs.claims.runner import Pace, run_claim
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.state import StageState
from helpers.toy_claim import CLAIM, measured, write_claim

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A tracking store, which takes seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture
def claim(tmp_path, store):
    """The toy claim without its curve, in a folder of its own."""
    lines = [line for line in CLAIM.splitlines() if "loss" not in line and "premise" not in line]
    file = write_claim(tmp_path, text="\n".join(lines))
    return load_claim(str(file), output=str(tmp_path / "runs"), tracking=store)


@pytest.fixture
def jobs(monkeypatch):
    """Jobs take no time, and `whole` is the better one; what was run is kept."""
    ran = []

    def run_job(loaded, reporter, *, parent, shelf):
        arm, _, seed = loaded.job.name.rpartition("-")
        is_measured = loaded.job.stages[-1].kind == "evaluate"
        ran.append((arm, int(seed), is_measured, parent))
        StageState(status="done", seconds=2.0).save(loaded.job.folder("left"))
        value = 0.4 + 0.01 * int(seed) + (0.1 if arm == "whole" else 0)
        return measured(value, value) if is_measured else {}

    monkeypatch.setattr(runner, "run_job", run_job)
    monkeypatch.setattr(runner, "check_job", lambda loaded: None)
    return ran


def test_nothing_is_measured_before_everything_is_trained(claim, jobs):
    found = run_claim(claim, Reporter())
    runs = [(arm, seed) for seed in SEEDS for arm in ("half", "whole")]
    assert [(arm, seed) for arm, seed, *_ in jobs] == runs * 2
    assert [is_measured for *_, is_measured, _ in jobs] == [False] * 6 + [True] * 6
    assert found.verdict.word == "reproduced"
    assert found.values["half"]["near"] == pytest.approx({1: 0.41, 2: 0.42, 3: 0.43})
    assert found.seconds["whole"] == {1: 2.0, 2: 2.0, 3: 2.0}


def test_every_job_is_in_the_claims_run_which_goes_on(claim, jobs):
    run_claim(claim, Reporter())
    run_claim(claim, Reporter())
    (parent,) = {parent for *_, parent in jobs}
    run = mlflow.MlflowClient(claim.tracking).get_run(parent)
    assert run.data.tags["verdict"] == "reproduced"
    assert run.data.metrics["whole/near"] == pytest.approx(0.52)
    assert run.info.status == "FINISHED"


@pytest.mark.parametrize("part", [{"seeds": 2}, {"only": ["whole"]}])
def test_a_part_has_no_verdict(claim, jobs, part):
    found = run_claim(claim, Reporter(), **part)
    assert found.verdict is None
    assert len(jobs) == 2 * (4 if "seeds" in part else 3)


def test_seeds_are_not_added_later(claim, jobs):
    with pytest.raises(InputError, match="has fixed 3"):
        run_claim(claim, Reporter(), seeds=4)
    with pytest.raises(InputError, match="did you mean 'whole'"):
        run_claim(claim, Reporter(), only=["hole"])
    assert jobs == []


def test_what_goes_on_is_told(claim, jobs, capsys):
    run_claim(claim, Reporter())
    told = capsys.readouterr().out
    assert "[1/6] half, seed 1\n" in told
    assert "[4/6] whole, seed 2\n" in told  # nobody knows: no job took any time


def test_jobs_that_were_done_before_do_not_spoil_the_estimate(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 1.0, 601.0, 601.0, 801.0])
    monkeypatch.setattr(runner.time, "monotonic", lambda: next(clock))
    pace = Pace(Reporter(), 5)
    for seed in (1, 2, 3):
        pace.tell("half", seed)
        pace.done()
    monkeypatch.undo()
    pace.tell("half", 4)
    assert capsys.readouterr().out.splitlines() == [
        "[1/5] half, seed 1",
        "[2/5] half, seed 2",
        "[3/5] half, seed 3; about 30 min left",
        "[4/5] half, seed 4; about 13 min left",
    ]


@pytest.mark.parametrize("slug", claims())
def test_a_shipped_claim_comes_to_a_verdict(slug, monkeypatch, store, tmp_path):
    """Its arms, measures, rule and page fit together; jobs are made up, and their numbers too."""
    loaded = load_claim(slug, output=str(tmp_path), tracking=store)
    claim = loaded.claim
    numbers = {measure.number for measure in claim.measures.values() if measure.number}
    curves = {name for m in claim.measures.values() for name in (m.metric, m.minus) if name}

    def made_up(*key: object) -> float:
        return zlib.crc32(repr(key).encode()) / 2**32

    def run_job(given, reporter, **_):
        job, found = given.job, {}
        for stage in job.stages:
            found[stage.name] = {"embedder": str(job.folder(stage.name) / "embedder")}
            if stage.kind == "evaluate":
                scores = [
                    {
                        "task": task,
                        "layers": pair[0],
                        "dimensions": pair[1],
                        "value": made_up(job.name, task, pair),
                    }
                    | {"others": {name: made_up(job.name, name) for name in numbers}}
                    for task in stage.tasks
                    for pair in stage.pairs or [(6, 64)]
                ]
                found[stage.name] = {"scores": {stage.models[0]: scores}}
        return found

    monkeypatch.setattr(runner, "run_job", run_job)
    monkeypatch.setattr(
        values, "last_points", lambda folder, steps: [{name: made_up(str(folder), name) for name in curves}]
    )
    found = run_claim(loaded, Reporter())
    assert found.verdict is not None
    assert all(
        set(by_seed) == set(claim.seeds) for own in found.values.values() for by_seed in own.values()
    )
    judged = (*found.verdict.premise, *found.verdict.reproduced, *found.verdict.not_reproduced)
    assert all(finding.summary.n == len(claim.seeds) for finding in judged)
    _, plot, page = write_pages(loaded, record(loaded, found), tmp_path / "claims")
    assert f"**{found.verdict.word}**" in page.read_text()
    assert plot.stat().st_size > 1000
