"""``embedworks evaluate`` as a user calls it."""

from __future__ import annotations

import json
import sys

import mteb
import pytest

from embedworks.cli.evaluate_inputs import parse_pairs, parse_prompts, split_names
from embedworks.cli.main import exit_code
from embedworks.cli.scores import mean_rows, print_table
from embedworks.errors import InputError
from embedworks.evaluation.evaluate import Score
from helpers.tiny import tiny_embedder

TASK = "python-docs-topics"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    for seed, name in enumerate(("one", "two")):
        tiny_embedder(folder / name, seed=seed, layers=2, width=16)
    return folder


@pytest.fixture
def call(place, monkeypatch, capfd):
    monkeypatch.chdir(place)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["embedworks", "evaluate", *map(str, arguments)])
        code = exit_code()
        return code, *capfd.readouterr()

    return run


def test_a_grid_of_scores_as_json_and_files_that_mteb_reads(place, call) -> None:
    arguments = ("one", "st:one", "--tasks", TASK, "--cache", "results", "--json")
    code, out, err = call(*arguments)
    assert code == 0, err
    ours, theirs = json.loads(out)
    assert (ours["model"], ours["layers"], ours["dimensions"]) == ("one", 2, 16)
    assert (theirs["model"], theirs["layers"], theirs["dimensions"]) == ("st:one", 0, 16)
    assert ours["metric"] == "v_measure"
    assert ours["value"] == pytest.approx(theirs["value"], abs=0.02)
    assert f"one {TASK} 2x16: v_measure {ours['value']:.4f}" in err

    found = mteb.ResultCache(place / "results").load_results(load_experiments="match_name")
    read = {
        (result.model_name, task.task_name): task.get_score()
        for result in found.model_results
        for task in result.task_results
    }
    assert read == {("embedworks/one", TASK): ours["value"], ("st/one", TASK): theirs["value"]}
    (file,) = (place / "results").rglob(f"embedworks__one/**/{TASK}.json")
    assert mteb.results.TaskResult.from_disk(file).get_score() == ours["value"]


def test_a_table_has_a_column_for_each_model_and_pair(call) -> None:
    code, out, err = call("one", "two", "--tasks", TASK, "--pairs", "1x8,2x16")
    assert code == 0, err
    head, sizes, row = out.splitlines()[:3]
    assert head.split() == ["one", "one", "two", "two"]
    assert sizes.split() == ["task", "metric", "n", "1x8", "2x16", "1x8", "2x16"]
    assert row.split()[:2] == [TASK, "v_measure"]
    assert len(row.split()) == 7


def test_models_are_compared_sample_by_sample(place, call) -> None:
    arguments = ("one", "two", "--tasks", "python-docs-similarity", "--compare", "one")
    code, out, err = call(*arguments, "--samples", "kept", "--json")
    assert code == 0, err
    found = json.loads(out)
    values = {row["model"]: row["value"] for row in found["scores"]}
    (row,) = found["comparisons"]["two"].values()
    assert row["difference"] == pytest.approx(values["two"] - values["one"], abs=1e-5)
    assert row["low"] <= row["difference"] <= row["high"]
    assert row["p"] == row["holm"] > 0
    assert [file.parent.name for file in sorted((place / "kept").rglob("*.parquet"))] == ["0-one", "1-two"]

    code, out, _ = call(*arguments, "--space")
    assert code == 0
    assert "two against one:" in out
    (ranks,) = [line.split() for line in out.splitlines() if line.startswith("effective rank")]
    assert 1 <= float(ranks[-1]) <= 16
    assert f"{row['difference']:+.4f}" in out
    assert not list((place / "runs" / "corpora").glob("samples-*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("one", "two", "--compare", "tow"),
            "--compare 'tow' is none of the models; expected one of one, two; did you mean 'two'",
        ),
        (("one", "--compare", "one"), "one cannot be compared with itself"),
        (("none",), "no model folder at 'none'"),
        (("one", "--tasks", "python-docs-topic"), "did you mean 'python-docs-topics'"),
        (("one", "--pairs", "2-16"), "--pairs '2-16' cannot be read"),
        (("one", "--tasks", TASK, "--pairs", "3x16"), "layers=3 is not possible; expected 1 to 2"),
        (("one", "--tasks", TASK, "--precision", "fp8"), "--precision 'fp8' is not possible"),
        (("http://127.0.0.1:9/v1#m", "--tasks", TASK), "http://127.0.0.1:9/v1/models does not answer"),
    ],
)
def test_bad_input_is_one_line(call, arguments, message) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err.strip().splitlines()[-1]


def test_options_are_read() -> None:
    assert split_names("MTEB(eng, v2),offline, x") == ["MTEB(eng, v2)", "offline", "x"]
    assert parse_pairs("2x96, 6x384") == [(2, 96), (6, 384)]
    assert parse_prompts(["query=a = b: "]) == {"query": "a = b: "}
    with pytest.raises(InputError, match="has no text"):
        parse_prompts(["query"])


def test_means_need_whole_columns(capsys) -> None:
    assert mean_rows([{"a": 1.0, "b": 0.0}, {"a": 1.0}]) == {
        "a": [1.0, 1.0],
        "b": [0.0, None],
        "families": [0.5, None],
    }
    score = Score("python-docs-topics", 0, 8, "v_measure", 0.25, 1.0, 167)
    print_table({"http://host/v1#m": [score]})
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split()[-1] == "m"
    assert shown[-1].split() == ["clustering", "mean", "0.2500"]
