"""Every job file that ships is valid, and what is generated from the models is not stale."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from embedworks.errors import InputError
from embedworks.jobs.context import Context
from embedworks.jobs.jsonschema import schema_text
from embedworks.jobs.load import load_job
from embedworks.jobs.reference import refreshed
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.runner import check_job, stage_fingerprint
from helpers.pairs import pair_corpus

ROOT = Path(__file__).parents[2]
JOBS = sorted(f for f in (ROOT / "jobs").rglob("*.yaml") if not f.name.endswith(".claim.yaml"))


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_a_shipped_job_is_valid(file):
    check_job(load_job(file))


PROFILES = [(file, name) for file in JOBS for name in yaml.safe_load(file.read_text()).get("profiles", {})]


@pytest.mark.parametrize(("file", "profile"), PROFILES, ids=lambda value: getattr(value, "stem", value))
def test_a_shipped_job_is_valid_at_its_other_sizes(file, profile):
    loaded = load_job(file, profile=profile)
    check_job(loaded)
    assert loaded.job.name == f"{load_job(file).job.name}-{profile}"


def test_text_embedders_have_the_papers_size():
    lacking = [f.stem for f in JOBS if f.parent.name == "text_embedding" and (f, "full") not in PROFILES]
    assert not lacking


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
        ("steps: 9, batch_size: 8, workers: 3", "cannot share evenly"),
        (
            "steps: 9, batch_size: 8, workers: 0",
            "workers is 0; expected a value greater than or equal to 1",
        ),
        ("steps: 9, batch_size: 8, workers: two", "workers is 'two'"),
        ("steps: 9, batch_size: 8, workers: {min: 3, max: 2}", "workers.min is 3, above its max"),
        (
            "steps: 9, batch_size: 8, workers: {min: 1, max: 9}",
            "9 workers cannot share; expected 9 or more",
        ),
        ("steps: 9, batch_size: 8, workers: {min: 1, max: 4}, accumulate: 3", "has 2 samples a step"),
        ("steps: 9, batch_size: 8, workers: {min: 1, mx: 4}", "did you mean 'max'"),
    ],
)
def test_keys_that_mean_nothing_together_are_refused(tmp_path, keys, hint):
    text = "name: a\nstages:\n  - {name: x, kind: train, system: starbucks, corpus: {source: python-docs}, "
    with pytest.raises(InputError, match=hint):
        load_job(broken(tmp_path, f"{text}{keys}}}\n"))


def test_a_misspelt_key_of_an_evaluate_stage_is_told_from_those_of_evaluate_in_a_train_stage(tmp_path):
    for stage, hint in (
        ("kind: evaluate, models: [./x], tasks: [python-docs-retrieval], corpus: {}", "'corpora'"),
        ("kind: train, system: starbucks, corpus: {source: python-docs}, evaluate: {everi: 1}", "'every'"),
    ):
        with pytest.raises(InputError, match=f"did you mean {hint}"):
            load_job(broken(tmp_path, f"name: a\nstages:\n  - {{name: x, {stage}}}\n"))


def test_a_suite_stands_for_its_tasks_in_an_evaluate_stage(tmp_path):
    stage = "{name: x, kind: evaluate, models: [./x], tasks: [offline-images, python-docs-topics]}"
    text = f"name: a\nstages:\n  - {stage}\n"
    (found,) = load_job(broken(tmp_path, text)).job.stages
    assert found.tasks[0] == "openmoji-retrieval"
    assert found.tasks[-1] == "python-docs-topics"
    with pytest.raises(InputError, match=r"metric.*did you mean 'openmoji-retrieval'"):
        load_job(
            broken(
                tmp_path,
                text + "  - {name: y, kind: register, from: x, model: m, metric: openmoji-retrival}\n",
            )
        )


def test_a_range_of_workers_may_share_unevenly_and_a_fixed_number_stays_a_number(tmp_path):
    text = (
        "name: a\nstages:\n  - {{name: x, kind: train, system: starbucks, corpus: {{source: python-docs}}, "
    )
    text += "steps: 9, batch_size: 8, workers: {workers}}}\n"
    dumped = []
    for workers in ("{min: 1, max: 3}", "2"):
        job = load_job(broken(tmp_path, text.format(workers=workers))).job
        dumped.append(job.model_dump(mode="json", by_alias=True)["stages"][0]["workers"])
    assert dumped == [{"min": 1, "max": 3, "look_every": 60}, 2]


def test_who_computes_a_stage_is_no_part_of_its_fingerprint(tmp_path):
    corpus = pair_corpus(tmp_path / "pairs")
    text = (
        f"name: a\nstages:\n  - {{name: x, kind: train, system: starbucks, corpus: {{source: {corpus}}}, "
    )
    marks = []
    for keys in ("", "workers: 4, zero: 3", "workers: {min: 1, max: 2}", "batch_size: 16"):
        loaded = load_job(broken(tmp_path, f"{text}steps: 9, {keys}}}\n"))
        marks.append(stage_fingerprint(Context(loaded, None, Reporter()), loaded.job.stages[0]))
    assert marks[0] == marks[1] == marks[2] != marks[3]


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
