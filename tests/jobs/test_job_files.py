"""Every job file that ships is valid, and what is generated from the models is not stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.errors import InputError
from embedworks.jobs.jsonschema import schema_text
from embedworks.jobs.load import load_job
from embedworks.jobs.reference import refreshed
from embedworks.jobs.runner import check_job

ROOT = Path(__file__).parents[2]
JOBS = sorted((ROOT / "jobs").rglob("*.yaml"))


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_a_shipped_job_is_valid(file):
    check_job(load_job(file))


def test_the_json_schema_is_not_stale():
    assert (ROOT / "jobs" / "schema.json").read_text() == schema_text()


def test_the_reference_is_not_stale():
    page = (ROOT / "docs" / "job-file.md").read_text()
    assert page == refreshed(page)


@pytest.mark.parametrize(
    ("override", "stage", "value"),
    [("docs.steps=3", "docs", 3), ("stages.docs.steps=4", "docs", 4), ("stages.1.steps=5", "code", 5)],
)
def test_set_changes_one_value(override, stage, value):
    job = load_job(ROOT / "jobs" / "quickstart.yaml", [override]).job
    assert job.stage(stage).steps == value


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("docs.stepz=3", "steps"),
        ("doks.steps=3", "docs"),
        ("docs.steps", "="),
        ("docs.steps=soon", "--set"),
    ],
)
def test_a_wrong_set_names_the_nearest_key(override, hint):
    with pytest.raises(InputError, match=hint):
        load_job(ROOT / "jobs" / "quickstart.yaml", [override])


def broken(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "job.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "empty"),
        ("name: [a", "job.yaml:1"),
        ("name: a\nname: b\nstages: []\n", "name"),
        ("name: a\nstages:\n  - {name: x, kind: trian}\n", "train"),
        ("name: a\nstages:\n  - {name: x, kind: merge, method: linear, models: [y, z]}\n", "models"),
    ],
)
def test_a_broken_file_is_one_clear_error(tmp_path, text, hint):
    with pytest.raises(InputError, match=hint) as caught:
        load_job(broken(tmp_path, text))
    assert "job.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "hint"),
    [
        ("epochs: 1, mixing: {temperature: 2}", "shares out steps"),
        ("steps: 9, mixing: {phases: [{step: 3, weights: [1, 2]}]}", "2 weights for 1 corpora"),
        ("steps: 9, mixing: {phases: [{step: 3, weights: [0]}]}", "one above"),
        ("steps: 9, mixing: {phases: [{step: 3, weights: [1]}, {step: 3, weights: [1]}]}", "that grow"),
        ("steps: 9, batch_size: 8, batch_tokens: 100", "one of the two"),
        ("steps: 9, last_batch: shrt", "did you mean 'short'"),
        ("steps: 9, mixing: {batches: single}", "single-source"),
        ("steps: 9, precision: bf16, optimizer: {name: lamb}", "keep parameters whole"),
        ("steps: 9, zero: 2, precision: fp32, optimizer: {name: lamb}", "keep parameters whole"),
        ("steps: 9, batch_size: 8, workers: 4, accumulate: 3", "a worker has 2 samples a step"),
    ],
)
def test_keys_that_mean_nothing_together_are_refused(tmp_path, keys, hint):
    text = "name: a\nstages:\n  - {name: x, kind: train, system: starbucks, corpus: {source: python-docs}, "
    with pytest.raises(InputError, match=hint):
        load_job(broken(tmp_path, f"{text}{keys}}}\n"))


def test_weights_and_epochs_exclude_each_other(tmp_path):
    text = "name: a\nstages:\n  - {name: x, kind: train, system: starbucks, epochs: 1,\n"
    text += "     corpus: [{source: python-docs, weight: 2}, {source: stdlib-code}]}\n"
    with pytest.raises(InputError, match="weights have no effect"):
        load_job(broken(tmp_path, text))


def test_chunks_are_refused_where_samples_are_not_compared(tmp_path):
    text = "name: a\nstages:\n  - {name: x, kind: train, system: deberta-v3, steps: 9, chunk_size: 4,\n"
    text += "     corpus: {source: python-docs}}\n"
    with pytest.raises(InputError, match="does not compare samples"):
        check_job(load_job(broken(tmp_path, text)))
