from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.errors import InputError
from embedworks.jobs.claims.checks import samples_of
from embedworks.jobs.claims.load import claims, load_claim
from embedworks.jobs.claims.runner import check_arms
from helpers.toy_claim import CLAIM, write_claim


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("slug", claims())
def test_a_shipped_claim_and_its_jobs_are_valid_at_every_size(slug):
    loaded = load_claim(slug)
    assert loaded.claim.name == slug
    assert len(loaded.claim.seeds) >= 3
    for profile in ("", *loaded.claim.profiles):
        sized = load_claim(slug, profile)
        check_arms(sized, list(sized.claim.arms))


def test_the_first_systems_have_claims():
    assert {"starbucks", "self-positioning", "deberta-v3", "align"} <= claims().keys()


def test_an_arm_is_the_claims_job_with_its_own_changes(tmp_path):
    text = CLAIM.replace("all of the way, model", "all, set: {{left.optimizer.learning_rate: 0.5}}, model")
    loaded = load_claim(str(write_claim(tmp_path, text=text)), output="there")
    job = loaded.job("whole", 7).job
    assert (job.seed, job.name, job.output) == (7, "whole-7", "there/claims/toy")
    assert job.stage("left").optimizer.learning_rate == 0.5
    assert loaded.job("half", 7).job.stage("left").optimizer.learning_rate == 1e-3
    assert [stage.name for stage in job.stages] == ["left", "merged"]


def test_a_measured_job_ends_with_all_tasks_at_all_pairs(tmp_path):
    job = load_claim(str(write_claim(tmp_path))).job("whole", 1, measured=True).job
    assert job.stages[-1].model_dump(include={"name", "models", "tasks", "pairs"}) == {
        "name": "measured-left",
        "models": ("left",),
        "tasks": ("python-docs-similarity",),
        "pairs": ((2, 16), (4, 32)),
    }


def test_pairs_can_be_read_from_another_stage(tmp_path):
    text = CLAIM.replace("all of the way, model: left", "all, model: left, reads: {{merged: [[2, 16]]}}")
    stages = load_claim(str(write_claim(tmp_path, text=text))).job("whole", 1, measured=True).job.stages
    read = {stage.name: stage.pairs for stage in stages if stage.kind == "evaluate"}
    assert read == {"measured-merged": ((2, 16),), "measured-left": ((4, 32),)}


def test_a_profile_changes_every_arm_and_writes_elsewhere(tmp_path):
    file = str(write_claim(tmp_path))
    loaded = load_claim(file, "long")
    assert {samples_of(loaded.job(arm, 1).job) for arm in loaded.claim.arms} == {9 * 16}
    assert loaded.job("half", 1).job.stage("merged").parameters == {"weight": [1, 3]}
    assert loaded.job("whole", 1).job.stage("merged").parameters == {"weight": [1, 1]}
    assert loaded.claim.setting == "long"
    assert list(loaded.claim.arms) == ["half", "whole"]
    assert loaded.folder != load_claim(file).folder
    text = CLAIM.replace(
        "model: left}}", "model: left}}\n  third: {{role: baseline, about: a, model: left}}", 1
    )
    text = text.replace("about: long,", "about: long, without: [third],")
    sizes = {size: load_claim(str(write_claim(tmp_path, text=text)), size) for size in ("", "long")}
    assert ["third" in one.claim.arms for one in sizes.values()] == [True, False]
    with pytest.raises(InputError, match="did you mean 'long'"):
        load_claim(file, "lang")


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        (
            "model: left}}",
            "model: left, set: {{left.steps: 5}}}}",
            "half 64, whole 80; expected one budget",
        ),
        ("  steps: 4", "  epochs: 4", "trains for epochs"),
        ("of: whole, over: half, above", "of: whole, over: hafl, above", "did you mean 'half'"),
        ("measure: loss", "measure: lose", "did you mean 'loss'"),
        ("model: merged", "model: merge", "did you mean 'merged'"),
        ("stage: left, metric", "stage: lest, metric", "did you mean 'left'"),
        ("role: system", "role: baseline", "no arm whose role is system"),
        ("above: 0, by", "above: 0, at_most: 1, by", "either above or at_most"),
        ("seeds: [1, 2, 3]", "seeds: [1, 1]", "given twice"),
        ("{{stage: left, metric: loss, last: 2}}", "{{stage: left}}", "belong together"),
        ("set: {{left.steps: 9}}", "set: {{lift.steps: 9}}", "did you mean 'left'"),
        ("batch_size: 16", "batch_sise: 16", "batch_size"),
        ("by: interval", "by: luck", "interval"),
    ],
)
def test_a_wrong_claim_is_one_clear_error_with_its_line(tmp_path, old, new, hint):
    assert old in CLAIM
    with pytest.raises(InputError, match=hint) as caught:
        load_claim(str(write_claim(tmp_path, text=CLAIM.replace(old, new, 1))))
    assert "toy.claim.yaml:" in str(caught.value)


def test_a_budget_may_differ_where_the_file_says_why(tmp_path):
    text = CLAIM.replace("model: left}}", "model: left, set: {{left.steps: 5}}}}")
    text = text.replace("seeds:", "budget: {{exceptions: {{whole: steps are the question}}}}\nseeds:")
    loaded = load_claim(str(write_claim(tmp_path, text=text)))
    assert samples_of(loaded.job("whole", 1).job) == 80


def test_an_unknown_claim_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'starbucks'"):
        load_claim("starbuck")
    with pytest.raises(InputError, match="no claim file"):
        load_claim("none.claim.yaml")
    Path("empty.claim.yaml").write_text("")
    with pytest.raises(InputError, match="holds no keys"):
        load_claim("empty.claim.yaml")
