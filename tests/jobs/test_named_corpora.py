"""A job's own corpora: built-in ones with options, under a name that its stages use."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from embedworks.corpora.corpus import open_corpus
from embedworks.errors import InputError
from embedworks.jobs.context import Context
from embedworks.jobs.load import LoadedJob, load_job
from embedworks.jobs.portable import portable_text
from embedworks.jobs.runner import check_job


def job(tmp_path: Path, corpora: dict[str, object], source: str = "mine", stage: str = "docs") -> LoadedJob:
    """A job whose stage reads ``source``."""
    file = tmp_path / "job.yaml"
    train = {"name": stage, "kind": "train", "system": "starbucks", "from": "./base", "steps": 1}
    train["corpus"] = {"source": source}
    content = {"name": "own", "output": str(tmp_path), "corpora": corpora, "stages": [train]}
    file.write_text(yaml.safe_dump(content))
    return load_job(file)


def test_a_stage_reads_a_corpus_with_options(tmp_path: Path) -> None:
    loaded = job(tmp_path, {"mine": {"source": "python-docs", "options": {"seed": 3}}})
    check_job(loaded)
    context = Context(loaded, None, None)  # type: ignore[arg-type]
    other, usual = (open_corpus(context.corpus(name)) for name in ("mine", "python-docs"))
    assert other.digest != usual.digest
    assert sum(map(other.rows, ("train", "test"))) == sum(map(usual.rows, ("train", "test")))


def test_a_submitted_job_keeps_the_name(tmp_path: Path) -> None:
    text = portable_text(job(tmp_path, {"mine": {"source": "python-docs"}}).job)
    data = yaml.safe_load(text)
    assert data["corpora"] == {"mine": {"source": "python-docs", "options": {}}}
    assert data["stages"][0]["corpus"][0]["source"] == "mine"


@pytest.mark.parametrize(
    ("corpora", "source", "message"),
    [
        ({"mine": {"source": "python-doc"}}, "mine", "corpora.mine.source.*no built-in.*python-docs"),
        ({"mine": {"source": "python-docs", "options": {"sed": 1}}}, "mine", "sed.*seed"),
        (
            {"mine": {"source": "python-docs", "options": {"seed": "x"}}},
            "mine",
            "corpora.mine.options.seed",
        ),
        ({"mine": {"source": "python-docs"}}, "mime", "mime.*mine"),
        ({"docs": {"source": "python-docs"}}, "docs", "as is one of the corpora"),
    ],
)
def test_mistakes_name_the_key_and_the_nearest_name(
    tmp_path: Path, corpora: dict[str, object], source: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_job(job(tmp_path, corpora, source))
