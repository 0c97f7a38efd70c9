"""Other sizes of a job: values set, stages left out, and mistakes named where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.errors import InputError
from embedworks.jobs.load import load_job

JOB = """
name: toy
profiles:
  full: {{about: large, set: {{second.steps: 9}}, without: [first]}}
  odd: {odd}
stages:
  - {{name: first, kind: train, system: starbucks, corpus: {{source: python-docs}}, steps: 1}}
  - {{name: second, kind: train, system: starbucks, corpus: {{source: python-docs}}, steps: 1}}
"""


@pytest.fixture
def write(tmp_path):
    """Writes the job with a second profile; gives its file."""

    def written(odd: str = "{about: x}") -> Path:
        file = tmp_path / "toy.yaml"
        file.write_text(JOB.format(odd=odd))
        return file

    return written


def test_a_profile_sets_values_and_leaves_stages_out(write):
    job = load_job(write(), profile="full").job
    assert [(stage.name, stage.steps) for stage in job.stages] == [("second", 9)]
    assert job.folder("second").parts[-2] == "toy-full"


def test_a_key_may_be_of_several_stages(write):
    job = load_job(write("{about: x, set: {'first,second.steps': 7}}"), profile="odd").job
    assert [stage.steps for stage in job.stages] == [7, 7]


def test_set_comes_last(write):
    assert load_job(write(), ["second.steps=3"], "full").job.stage("second").steps == 3


def test_no_profile_changes_nothing(write):
    job = load_job(write()).job
    assert (job.name, len(job.stages), job.stage("second").steps) == ("toy", 2, 1)


def test_lines_are_told_of_stages_that_moved(write):
    file = write("{about: x, set: {second.batch_size: 2}, without: [first]}")
    file.write_text(
        file.read_text().replace("python-docs}, steps: 1}\n  -", "python-docs}, steps: 2}\n  -")
    )
    second = load_job(file, profile="odd")
    assert second.source.locate(second.path("second", "steps")).endswith("toy.yaml:8")
    assert second.source.locate(second.path("second", "batch_size")) == "--set second.batch_size=2"


@pytest.mark.parametrize(
    ("odd", "hint"),
    [
        ("{about: x, set: {seconds.steps: 2}}", "did you mean 'second'"),
        ("{about: x, set: {second.stps: 2}}", "did you mean 'steps'"),
        ("{about: x, without: [frst]}", "toy.yaml:5: the job has no stage 'frst'.*did you mean 'first'"),
        ("{about: x, sets: {}}", "did you mean 'set'"),
        ("{about: x, without: [first, second]}", "stages"),
    ],
)
def test_mistakes_are_named(write, odd, hint):
    with pytest.raises(InputError, match=hint):
        load_job(write(odd), profile="odd")


def test_a_profile_that_is_not_there_is_named(write):
    with pytest.raises(InputError, match=r"no profile 'ful'.*did you mean 'full'"):
        load_job(write(), profile="ful")
