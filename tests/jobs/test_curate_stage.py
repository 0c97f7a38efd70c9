"""A curate stage in a job: what is refused, how later stages find its corpus, and when they run again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from embedworks.corpora.corpus import open_corpus
from embedworks.errors import InputError
from embedworks.jobs.context import Context
from embedworks.jobs.load import LoadedJob, load_job
from embedworks.jobs.portable import portable_text
from embedworks.jobs.references import corpora_of
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.runner import check_job, stage_fingerprint
from embedworks.jobs.stages import curate as curate_stage
from embedworks.jobs.state import StageState
from helpers.quality import sentence, text_corpus

DUPLICATES = {"name": "exact-duplicates", "columns": ["positive"]}
AGAINST = {
    "name": "decontaminate",
    "columns": ["query", "positive"],
    "against": [{"source": "stdlib-code", "split": "test"}],
}
TRAIN = {"name": "docs", "kind": "train", "system": "starbucks", "corpus": {"source": "clean"}, "steps": 1}


def clean(*filters: dict, **keys) -> dict:
    corpus = {"source": "python-docs"}
    return {
        "name": "clean",
        "kind": "curate",
        "corpus": corpus,
        "filters": list(filters) or [DUPLICATES],
        **keys,
    }


def loaded(folder: Path, *stages: dict) -> LoadedJob:
    file = folder / "job.yaml"
    data = {"name": "curated", "output": str(folder / "runs"), "stages": list(stages)}
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return load_job(file)


def test_a_later_stage_may_name_it_as_its_corpus(tmp_path):
    job = loaded(tmp_path, clean(DUPLICATES, AGAINST), TRAIN)
    check_job(job)
    assert job.job.stage("clean").filters[1].keys["against"] == AGAINST["against"]


EVALUATE = {"name": "scores", "kind": "evaluate", "models": ["./x"], "tasks": ["python-docs-retrieval"]}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([TRAIN, clean()], "'clean', which does not run before it"),
        (
            [clean(), {**TRAIN, "corpus": {"source": "clearn"}}],
            "no stage of this job.*did you mean 'clean'",
        ),
        ([{**TRAIN, "corpus": {"source": "python-dcs"}}], "did you mean 'python-docs'"),
        ([clean(), TRAIN, {**TRAIN, "name": "more", "corpus": {"source": "docs"}}], "is a train stage"),
        ([clean(corpus={"source": "clean"})], "'clean', which does not run before it"),
        ([clean({**AGAINST, "against": [{"source": "tsets"}]})], r"filters\[0\].against\[0\].source names"),
        (
            [{**EVALUATE, "corpora": {"python-docs": "clearn"}}, clean()],
            "corpora.python-docs names 'clearn'",
        ),
        ([clean(corpus={"source": "python-docs", "weight": 2})], "weight is set"),
        ([clean(corpus={"source": "python-docs", "columns": {"a": "b"}})], "columns is set"),
        ([clean(filters=[])], "at least 1"),
    ],
)
def test_what_stages_disagree_on_is_refused(tmp_path, stages, message):
    with pytest.raises(InputError, match=message) as caught:
        loaded(tmp_path, *stages)
    assert "job.yaml:" in str(caught.value)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({**DUPLICATES, "name": "exact-duplicats"}, "did you mean 'exact-duplicates'"),
        ({**DUPLICATES, "column": ["a"]}, "unknown key.*did you mean 'columns'"),
        (
            {"name": "length", "column": "positive", "min_words": True},
            "min_words is true; expected a number",
        ),
        ({"name": "length", "column": "positive"}, "no limit"),
        ({**AGAINST, "tasks": ["python-docs-retrievl"]}, "did you mean 'python-docs-retrieval'"),
    ],
)
def test_what_a_filter_alone_can_tell_is_checked_before_anything_runs(tmp_path, block, message):
    with pytest.raises(InputError, match=message) as caught:
        check_job(loaded(tmp_path, clean(DUPLICATES, block)))
    assert "job.yaml:" in str(caught.value)


def test_a_folder_with_a_stages_name_counts_only_if_it_is_a_corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    stages = [clean(), TRAIN, {**TRAIN, "name": "more", "corpus": {"source": "docs"}}]
    with pytest.raises(InputError, match="is a train stage"):
        loaded(tmp_path, *stages)
    text_corpus(tmp_path / "docs", ["a"])
    loaded(tmp_path, *stages)


def test_all_that_filters_read_is_part_of_the_stages_inputs(tmp_path):
    tasks = {**AGAINST, "against": [], "tasks": ["python-docs-retrieval"]}
    stage = loaded(tmp_path, clean(AGAINST, tasks)).job.stages[0]
    sources = [corpus.source for corpus in corpora_of(stage)]
    assert sources == ["python-docs", "stdlib-code", "python-docs"]


def context(job: LoadedJob, curated: Path) -> Context:
    state = StageState(status="done", fingerprint="of-clean", result={"corpus": str(curated)})
    return Context(job, tracker=None, reporter=Reporter(), states={"clean": state})


def test_a_later_stage_runs_again_only_if_the_curated_rows_change(tmp_path):
    job = loaded(tmp_path, clean(), TRAIN)
    one = text_corpus(tmp_path / "one", ["a", "b"])
    same = text_corpus(tmp_path / "same", ["a", "b"])
    other = text_corpus(tmp_path / "other", ["a"])
    marks = [stage_fingerprint(context(job, folder), job.job.stages[1]) for folder in (one, same, other)]
    assert context(job, one).corpus("clean") == one
    assert marks[0] == marks[1] != marks[2]


def test_an_evaluation_on_curated_rows_runs_again_if_they_change(tmp_path, tiny_folder):
    stage = {**EVALUATE, "models": [str(tiny_folder)], "corpora": {"python-docs": "clean"}}
    job = loaded(tmp_path, clean(), stage)
    folders = [text_corpus(tmp_path / text, [text]) for text in "ab"]
    marks = [stage_fingerprint(context(job, folder), job.job.stages[1]) for folder in folders]
    assert marks[0] != marks[1]


def test_workers_are_no_part_of_a_curate_stages_fingerprint(tmp_path):
    corpus = {"source": str(text_corpus(tmp_path / "c", ["a"]))}
    block = {"name": "length", "column": "text", "min_words": 1}
    jobs = [loaded(tmp_path, clean(block, corpus=corpus, workers=workers)) for workers in (1, 4)]
    jobs.append(loaded(tmp_path, clean({**block, "min_words": 2}, corpus=corpus)))
    marks = [stage_fingerprint(Context(job, None, Reporter()), job.job.stages[0]) for job in jobs]
    assert marks[0] == marks[1] != marks[2]


def test_a_carried_job_keeps_the_names_of_stages_and_makes_folders_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("clean", "lm", "pairs"):
        (tmp_path / name).mkdir()
    scored = {"name": "perplexity", "column": "positive", "model": "./lm", "max": 100}
    against = {**AGAINST, "against": [{"source": "pairs"}, {"source": "stdlib-code"}]}
    job = loaded(tmp_path, clean(scored, against, corpus={"source": "pairs"}), TRAIN)
    carried = yaml.safe_load(portable_text(job.job))["stages"]
    assert carried[0]["corpus"]["source"] == str(tmp_path / "pairs")
    assert carried[0]["filters"][0]["model"] == str(tmp_path / "lm")
    sources = [other["source"] for other in carried[0]["filters"][1]["against"]]
    assert sources == [str(tmp_path / "pairs"), "stdlib-code"]
    assert carried[1]["corpus"][0]["source"] == "clean"


class Numbers:
    """Keeps the metrics that a stage logs."""

    def __init__(self) -> None:
        self.metric: dict[str, float] = {}

    def metrics(self, run_id: str, metrics: dict[str, float], step: int = 0) -> None:
        self.metric |= metrics


def test_the_stage_logs_its_counts_and_replaces_what_it_left(tmp_path, monkeypatch, capsys):
    texts = [sentence(1), "short", sentence(1), "short"]
    corpus = {"source": str(text_corpus(tmp_path / "c", texts))}
    filters = [
        {"name": "exact-duplicates", "columns": ["text"]},
        {"name": "length", "column": "text", "min_words": 2},
    ]
    monkeypatch.setattr(
        curate_stage, "curate", lambda *a, _real=curate_stage.curate, **k: _real(*a, **{**k, "workers": 0})
    )
    job = loaded(tmp_path, clean(*filters, corpus=corpus, keep_removed=True))
    tracker = Numbers()
    for _ in range(2):
        result = curate_stage.run(Context(job, tracker, Reporter()), job.job.stages[0], StageState())
    assert result["rows"] == 1
    assert open_corpus(result["corpus"]).digest == result["digest"]
    assert (Path(result["corpus"]).parent / "removed.parquet").is_file()
    assert tracker.metric == {
        "1-exact-duplicates/rows": 4,
        "1-exact-duplicates/kept": 2,
        "1-exact-duplicates/removed/duplicate": 2,
        "2-length/rows": 2,
        "2-length/kept": 1,
        "2-length/removed/fewer than 2 words": 1,
    }
    assert "length: 1 of 2 rows stay (fewer than 2 words 1)" in capsys.readouterr().out
