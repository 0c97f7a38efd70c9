from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from embedworks.cli import ray_session
from embedworks.cli.shards import app
from embedworks.errors import InputError
from helpers.pairs import pair_corpus
from helpers.sources import question_files


def run(*arguments: object, code: int = 0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


@pytest.fixture
def source(tmp_path) -> Path:
    folder = question_files(tmp_path / "questions")
    (folder / "README.md").write_text("questions")
    return folder


def test_build_show_and_check(source, tmp_path):
    out = tmp_path / "out"
    columns = ("--columns", "query=question", "--columns", "positive=answer")
    split = ("--split", "test=0.25", "--split-by", "topic", "--licence", "MIT", "--name", "asked")
    built = run("build", source, "--out", out, *columns, *split)
    assert built.stdout.startswith(f"{out}: train ")
    assert f"left out, not jsonl: {source / 'README.md'}" in built.stderr
    assert "left out columns: topic, score" in built.stderr
    assert "part 1 of 1: 240 rows" in built.stderr
    shown = run("show", out, "--rows", 1).stdout
    for text in ("asked", "MIT", "column 'topic'", "duplicate rows", "positive", "about 5", "what is"):
        assert text in shown
    assert "every shard is as its manifest says" in run("check", out).stdout


def test_json_is_all_there_is_on_stdout(source, tmp_path):
    built = json.loads(run("build", source, "--out", tmp_path / "out", "--json").stdout)
    assert json.loads(run("show", tmp_path / "out", "--json").stdout) == built
    assert built["statistics"]["train"]["text"]["answer"]["vocabulary_estimate"] == 5
    assert json.loads(run("check", tmp_path / "out", "--json").stdout) == []


def test_one_line_for_each_bad_shard_and_code_1(tmp_path):
    folder = pair_corpus(tmp_path / "pairs")
    (folder / "train-00000.parquet").unlink()
    (folder / "test-00000.parquet").write_bytes(b"PAR1")
    lines = run("check", folder.as_uri(), code=1).stdout.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["train-00000.parquet", "missing"],
        ["test-00000.parquet", "truncated"],
    ]


def test_ray_is_asked_for_where_there_is_more_than_one_part(source, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(ray_session, "connect", asked.append)
    run("build", source, "--out", tmp_path / "a", "--address", "local")
    assert asked == []
    run("build", source, "--out", tmp_path / "b", "--address", "local", "--part-bytes", 1)
    assert asked == ["local"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["python-doc"], "did you mean 'python-docs'"),
        (["SOURCE", "--columns", "query"], "expected --columns name=value"),
        (["SOURCE", "--columns", "a=topic", "--columns", "a=answer"], "names 'a' twice"),
        (["SOURCE", "--split", "test=some"], "is not a number"),
        (["SOURCE", "--option", "types=score:real"], "cannot be of type 'real'"),
        (["SOURCE", "--option", "typs=score:double"], "format jsonl has no option 'typs'"),
        (["SOURCE", "--format", "jsnl"], "did you mean 'jsonl'"),
        (["s4://bucket/docs"], "did you mean 's3'"),
    ],
)
def test_bad_input_is_named(source, tmp_path, arguments, message):
    given = [str(source) if text == "SOURCE" else text for text in arguments]
    assert message in refused("build", *given, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
