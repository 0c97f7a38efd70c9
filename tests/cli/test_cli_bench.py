"""``embedworks bench`` finds the checkout's scripts and says in one line what is wrong."""

from __future__ import annotations

import sys

import pytest

from embedworks.cli import bench
from embedworks.cli.main import exit_code


@pytest.fixture
def command(monkeypatch, capfd):
    """Run ``embedworks bench WORDS...``; returns (exit code, stdout, stderr)."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["embedworks", "bench", *words])
        code = exit_code()
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "repository", lambda: tmp_path)
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "_part.py").write_text("")
    (folder / "fast.py").write_text('"""Is fast.\n\nVery."""\nimport sys\nprint(sys.argv[1:])\n')
    (folder / "broken.py").write_text('"""Is broken."""\nraise SystemExit(3)\n')
    return folder


def test_lists_the_scripts_with_their_first_line(command, checkout):
    code, out, _ = command()
    assert code == 0
    assert [line.split(maxsplit=1) for line in out.splitlines()] == [
        ["broken", "Is broken."],
        ["fast", "Is fast."],
    ]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_runs_the_script_and_passes_its_output_on(command, checkout, options):
    assert command("fast", *options)[:2] == (0, f"{options}\n")


def test_a_failed_benchmark_is_a_failure(command, checkout):
    code, _, err = command("broken")
    assert code == 1
    assert "benchmark broken ended with exit code 3" in err


def test_an_unknown_name_is_bad_input_and_names_the_nearest(command, checkout):
    code, _, err = command("fats")
    assert code == 2
    assert "fast" in err


def test_without_a_checkout_there_is_one_clear_line(command, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "repository", lambda: tmp_path)
    code, _, err = command("stream")
    assert code == 2
    assert err.splitlines()[0].startswith("error: benchmarks are part of the repository")


def test_the_repository_has_its_benchmarks():
    assert "stream" in bench.benchmarks(bench.repository() / "benchmarks")
