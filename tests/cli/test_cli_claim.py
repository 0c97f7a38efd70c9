from __future__ import annotations

import json
import sys

import pytest

from embedworks.cli.main import exit_code
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
