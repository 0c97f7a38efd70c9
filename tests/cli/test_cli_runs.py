"""``embedworks runs`` lists, shows, compares and plots what jobs have logged."""

from __future__ import annotations

import json
import sys

import pytest

from embedworks.cli.main import exit_code
from helpers.runs import tracked_jobs


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> tuple[str, dict[str, str]]:
    return tracked_jobs(tmp_path_factory.mktemp("store"))


@pytest.fixture
def command(monkeypatch, capfd, store):
    """Run ``embedworks runs WORDS...``; returns (exit code, stdout, stderr)."""

    def run(*words: str, uri: str = store[0]) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["embedworks", "runs", *words])
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        code = exit_code()
        return code, *capfd.readouterr()

    return run


def cells(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()]


def test_the_list_has_the_newest_stages_first(command, store):
    code, out, _ = command()
    assert code == 0
    head, *rows = cells(out)
    assert [dict(zip(head, row, strict=True))["job"] for row in rows] == ["second", "first"]
    first = dict(zip(head, rows[0], strict=True))
    assert first["id"] == store[1]["second/train"][:8]
    assert (first["stage"], first["status"], first["steps"]) == ("train", "finished", "30")
    assert (first["loss"], first["metrics"]) == ("0.16667", "tokens_per_s 3000")


def test_the_list_can_be_cut_and_says_so(command):
    code, out, err = command("--limit", "1")
    assert (code, len(cells(out))) == (0, 2)
    assert "1 more" in err


def test_the_list_of_one_job_as_json(command):
    code, out, _ = command("--job", "first", "--json")
    assert code == 0
    (run,) = json.loads(out)
    assert (run["job"], run["stage"], run["metrics"]["loss"]) == ("first", "train", pytest.approx(1 / 3))
    code, _, err = command("--job", "firsst")
    assert code == 2
    assert "did you mean 'first'" in err


def test_one_run_is_shown(command, store):
    code, out, _ = command("show", "first/train")
    assert code == 0
    assert out.startswith(f"{store[1]['first/train']}  first/train  FINISHED")
    assert "loss\t0.33333" in out
    assert "optimizer.learning_rate\t0.1" in out
    assert "system/cpu" not in out
    assert "system/cpu\t50" in command("show", "first/train", "--all")[1]
    assert json.loads(command("show", "first/train", "--json")[1])["params"]["batch_size"] == "8"


def test_comparing_shows_what_differs(command):
    code, out, _ = command("compare", "first/train", "second/train")
    assert code == 0
    rows = {row[0]: row[1:] for row in cells(out) if len(row) == 3}
    assert rows["optimizer.learning_rate"] == ["0.1", "0.2"]
    assert "batch_size" not in rows
    assert rows["loss"] == ["0.33333", "0.16667"]
    found = json.loads(command("compare", "first/train", "second/train", "--all", "--json")[1])
    assert found["params"]["batch_size"] == ["8", "8"]
    assert found["metrics"]["system/cpu"] == [50.0, 50.0]


def test_one_run_cannot_be_compared(command):
    code, _, err = command("compare", "first/train")
    assert code == 2
    assert "two or more" in err


def test_curves_are_drawn_one_below_the_other_in_a_pipe(command):
    code, out, _ = command("plot", "first/train", "second/train")
    assert code == 0
    assert "\x1b" not in out
    assert out.count("━ first/train") == out.count("━ second/train") == 1
    assert out.count("step 30") == 2
    code, _, err = command("plot", "first")  # the job's own run
    assert code == 2
    assert "has no metric 'loss'" in err


def test_curves_as_json_and_as_a_png(command, tmp_path):
    file = tmp_path / "plot.png"
    code, out, _ = command("plot", "first/train", "--out", str(file), "--json")
    assert code == 0
    assert json.loads(out)[0]["points"] == [[10, 1.0], [20, 0.5], [30, pytest.approx(1 / 3)]]
    assert file.read_bytes().startswith(b"\x89PNG")
    code, _, err = command("plot", "first/train", "--out", str(tmp_path / "no" / "plot.png"))
    assert code == 2
    assert "cannot be written" in err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("show", "first/trian"), "did you mean 'first/train'"),
        (("plot", "first/train", "--metric", "los"), "did you mean 'loss'"),
    ],
)
def test_wrong_names_are_bad_input(command, words, hint):
    code, _, err = command(*words)
    assert code == 2
    assert hint in err


def test_without_a_store_there_is_one_clear_line(command, tmp_path):
    code, _, err = command(uri=f"sqlite:///{tmp_path}/none.db")
    assert code == 2
    assert err.startswith("error: no runs yet")
