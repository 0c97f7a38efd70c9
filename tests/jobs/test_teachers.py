"""A train stage's second model: who reads it, that it is found, and that the result depends on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.errors import InputError
from embedworks.jobs.context import Context
from embedworks.jobs.load import LoadedJob, load_job
from embedworks.jobs.references import stage_inputs
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.runner import check_job, stage_fingerprint
from embedworks.objective import Start
from helpers.pairs import pair_corpus
from helpers.tiny import tiny_embedder

JOB = """
name: a
stages:
  - &one
    {{name: one, kind: train, system: defsent-plus, steps: 9,
      from: {root}/base, corpus: {{source: {root}/pairs}}}}
  - {{<<: *one, name: two, teacher: {teacher}, system: {system}}}
"""


def job(tmp_path: Path, teacher: str = "one", system: str = "defsent-plus") -> LoadedJob:
    file = tmp_path / "job.yaml"
    file.write_text(JOB.format(root=tmp_path, teacher=teacher, system=system))
    return load_job(file)


def test_a_stage_waits_for_its_teacher(tmp_path):
    loaded = job(tmp_path)
    check_job(loaded)
    assert stage_inputs(loaded.job.stages[1], loaded.job) == ["one"]
    assert stage_inputs(loaded.job.stages[0], loaded.job) == []


def test_a_teacher_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"stages\[1\].teacher names 'ona'.*did you mean 'one'"):
        job(tmp_path, "ona")
    with pytest.raises(InputError, match="does not run before it"):
        job(tmp_path, "two")


def test_a_system_that_reads_no_teacher_says_so(tmp_path):
    for system in ("starbucks", "defsent-plus/defsent"):
        with pytest.raises(InputError, match=f"teacher is set, and {system} reads no teacher"):
            check_job(job(tmp_path, system=system))


def test_the_fingerprint_is_the_teachers_too_and_without_one_as_it_always_was(tmp_path):
    pair_corpus(tmp_path / "pairs")
    for number, name in enumerate(("base", "old", "new")):
        tiny_embedder(tmp_path / name, layers=1, seed=number)
    marks = []
    for teacher in ("old", "new"):
        loaded = job(tmp_path, f"{tmp_path}/{teacher}")
        context = Context(loaded, None, Reporter())
        marks += [stage_fingerprint(context, stage) for stage in loaded.job.stages]
    assert marks[0] == marks[2]
    assert marks[1] != marks[3]
    block = loaded.job.stages[0].model_dump(mode="json", by_alias=True)
    assert block["teacher"] is None


def test_the_base_teaches_where_there_is_no_teacher(tmp_path):
    base, other = (tiny_embedder(tmp_path / name, layers=n) for n, name in ((1, "base"), (2, "other")))
    assert Start(base=base).teacher_embedder().num_layers == 1
    assert Start(base=base, teacher=other).teacher_embedder().num_layers == 2
