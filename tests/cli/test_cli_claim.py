from __future__ import annotations

import io
import json
import sys

import pytest
from rich.console import Console

from embedworks.cli.claim import tables
from embedworks.cli.main import exit_code
from embedworks.jobs.claims.records import Record, Row
from helpers.toy_claim import CLAIM, write_claim


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["embedworks", *arguments])
        code = exit_code()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_claim_can_be_checked_without_running(call, tmp_path, monkeypatch, tiny_folder):
    monkeypatch.chdir(tmp_path)
    text = CLAIM.replace("toy-pairs", "starbucks")
    code, out, _ = call("claim", str(write_claim(tmp_path, tiny_folder, text)), "--check")
    assert (code, out) == (0, f"{tmp_path}/toy.claim.yaml: 6 jobs, no errors\n")


def test_the_page_of_a_claim_that_never_ran_is_bad_input(call, tmp_path):
    code, _, error = call("claim", str(write_claim(tmp_path)), "--page", "--out", str(tmp_path))
    assert code == 2
    assert "no result of claim 'toy' is recorded" in error


def test_an_unknown_claim_is_bad_input(call):
    code, _, error = call("claim", "starbuck")
    assert code == 2
    assert "did you mean 'starbucks'" in error


def test_the_catalogue_as_json_has_its_contract(call):
    code, out, _ = call("systems", "--json")
    rows = {row["slug"]: row for row in json.loads(out)}
    keys = {"slug", "title", "family", "module", "job", "test", "page", "corpora", "tasks", "claim"}
    assert code == 0
    assert rows["starbucks"].keys() == keys
    assert rows["starbucks"]["corpora"] == ["stdlib-code"]
    for row in rows.values():
        assert row["claim"] is None or row["claim"].keys() == {"verdict", "date", "seeds"}


def test_the_catalogue_is_a_table_and_a_page(call, tmp_path):
    code, out, _ = call("systems")
    assert code == 0
    assert "deberta-v3" in out
    assert call("systems", "--write", str(tmp_path / "systems.md"))[0] == 0
    assert "systems/deberta-v3.md" in (tmp_path / "systems.md").read_text()
    assert "# deberta-v3" in (tmp_path / "systems" / "deberta-v3.md").read_text()
    code, out, _ = call("systems", "starbucks")
    assert "claim: " in out


def test_what_does_not_fit_beside_each_other_stands_below():
    row = Row(mean=0.25, low=0.125, high=0.375, deviation=0.1, values={1: 0.25})
    arms = {f"arm-{n}": {f"measure-{m}": row for m in range(4)} for n in range(5)}
    arms["arm-4"]["of-one"] = row
    found = Record.model_construct(arms=arms)
    console = Console(width=80, file=io.StringIO())
    for table in tables(found, 80):
        console.print(table)
    lines = console.file.getvalue().splitlines()
    heads = [line.split() for line in lines if not line.lstrip().startswith(("arm-", "of-one"))]
    assert heads == [
        ["arm", "measure-0", "measure-1"],
        ["arm", "measure-2", "measure-3"],
        ["measure", "arm", "value"],
    ]
    assert not any("…" in line for line in lines)
    assert lines[1].split() == ["arm-0", *["0.2500", "[0.1250,", "0.3750]"] * 2]
    assert lines[-1].split()[:2] == ["of-one", "arm-4"]
