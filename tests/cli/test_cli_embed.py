"""The command over a user's own files, in this process: made, gone on with, followed, refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from embedworks.cli import embed as command
from embedworks.cli.embed_progress import clock, progress, rates
from embedworks.cli.index_making import Making
from embedworks.cli.main import exit_code
from embedworks.indexing.embed import Progress
from embedworks.indexing.pool import embed_here
from embedworks.vectors.index_folder import IndexFolder
from helpers.registry import FileRegistry
from helpers.tiny import tiny_embedder

LINES = [{"text": f"red bird {row}", "title": f"t{row}", "year": 2000 + row} for row in range(30)]


@pytest.fixture
def notes(tmp_path) -> Path:
    file = tmp_path / "notes.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in LINES))
    return file


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """Run the command; its exit code, what it prints, and what it tells."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Making, "embed_units", lambda _, work, units: embed_here(work, units))

    def embed(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["embedworks", "embed", *map(str, words)])
        code = exit_code()
        out = capfd.readouterr()
        return code, out.out, out.err

    return embed


def test_own_files_become_an_index_and_what_is_added_to_them_is_embedded_alone(
    run, notes, tiny_folder, tmp_path
):
    words = (tiny_folder, notes, "--index", "index", "--keep", "title,year", "--json")
    code, out, _ = run(*words)
    first = json.loads(out)
    assert code == 0
    assert (first["rows"], first["reused"], first["kind"]) == (30, 0, "exact")
    assert first["model"] == str(tiny_folder)
    with notes.open("a") as file:
        file.write(json.dumps({"text": "a new moon", "title": "new", "year": 1}) + "\n")
    second = json.loads(run(*words)[1])
    assert (second["rows"], second["reused"]) == (31, 30)
    record = IndexFolder.open(tmp_path / "index").current()
    assert record.id == second["version"]
    assert record.keep == ("text", "title", "year")


def test_a_person_is_told_how_it_went_and_how_to_search(run, notes, tiny_folder):
    words = (tiny_folder, notes, "--index", "index", "--sizes", "2x16,4x32")
    code, out, err = run(*words)
    assert code == 0
    assert "30 rows by" in out
    assert "(30 rows embedded in" in out
    assert out.splitlines()[1].startswith("  embedworks search ")
    assert "building the index" in err
    assert "(0 rows embedded in" in run(*words)[1]


def test_an_alias_that_moved_makes_a_version_of_the_new_model(run, notes, monkeypatch, tmp_path):
    registry = FileRegistry(tmp_path / "registry.json")
    for version in ("1", "2"):
        registry.add(version, tiny_embedder(tmp_path / f"model-{version}", seed=int(version)))
    registry.move("champion", "1")
    monkeypatch.setattr(command, "ModelSources", lambda _: registry)

    def once(look, build, pause, tell, seen):
        """What following does when the alias has moved."""
        assert look() == seen
        registry.move("champion", "2")
        assert look() != seen
        build()

    monkeypatch.setattr("embedworks.indexing.follow.follow", once)
    words = ("models:/docs@champion", notes, "--index", "index", "--follow", "--interval", "0.1", "--json")
    code, out, err = run(*words)
    assert code == 0
    first, second = map(json.loads, out.splitlines())
    assert [first["model"], second["model"]] == ["models:/docs/1", "models:/docs/2"]
    assert "following models:/docs@champion" in err
    index = IndexFolder.open(tmp_path / "index")
    record = index.current()
    assert (record.id, record.registry_version, record.asked) == (
        second["version"],
        "2",
        "models:/docs@champion",
    )
    assert index.version(first["version"]).complete


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--column", "txet"], "no column 'txet'; expected one of text, title, year; did you mean 'text'?"),
        (["--sizes", "2-16"], "sizes '2-16' cannot be read"),
        (["--workers", "none"], "workers 'none' cannot be read"),
        (["--precision", "fp8"], "--precision 'fp8' is not possible"),
        (["--backend", "torchh"], "did you mean 'torch'?"),
        (["--format", "csv"], "unknown format 'csv'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(options, message, run, notes, tiny_folder, tmp_path):
    code, _, err = run(tiny_folder, notes, "--index", "index", *options)
    assert code == 2
    assert message in err.splitlines()[-1]
    assert not (tmp_path / "index").exists()


def test_rates_are_those_of_this_run():
    now = Progress("embed", rows=100, before=20, done=60, reused=7, tokens=800, seconds=4.0)
    assert rates(now) == "10 rows/s, 200 tokens/s, 7 reused, 0:04 left"
    start = Progress("embed", rows=100, before=20, done=20, reused=0, tokens=0, seconds=0.5)
    assert rates(start) == ""
    assert [clock(59), clock(3723)] == ["0:59", "1:02:03"]


def test_lines_in_a_pipe_are_few(capsys):
    with progress() as listen:
        for done in (20, 40, 60):
            listen(Progress("embed", 60, 20, done, 0, 10, 1.0))
        listen(Progress("index", 60, 20, 60, 0, 10, 1.0))
    assert capsys.readouterr().err.splitlines() == ["  20 of 60 rows", "  building the index"]
