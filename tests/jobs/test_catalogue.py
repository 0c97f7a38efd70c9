from __future__ import annotations

import json
from pathlib import Path

import pytest

from embedworks.catalog import find_system
from embedworks.jobs import catalogue
from embedworks.jobs.catalogue import claim_of, describe, entries, page
from embedworks.jobs.claims.records import load_record

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _own_systems(monkeypatch):
    monkeypatch.delenv("EMBEDWORKS_PATH", raising=False)  # systems of the integration tests


def test_the_page_is_not_stale():
    assert (ROOT / "docs" / "systems.md").read_text() == page(entries())


def test_tasks_are_those_of_the_module():
    found = {slug: describe(find_system(slug))["tasks"] for slug in ("defsent-plus", "starbucks")}
    assert found == {"defsent-plus": ["reverse-dictionary"], "starbucks": []}


def test_a_claim_that_was_run_is_in_the_catalogue(monkeypatch, tmp_path):
    for name in ("jobs", "docs"):
        (tmp_path / name).mkdir()
    (tmp_path / "docs" / "claims").mkdir()
    monkeypatch.setattr(catalogue, "repository", lambda: tmp_path)
    system = find_system("starbucks")
    assert describe(system)["claim"] is None
    assert claim_of(describe(system)) == "none"
    held = {"text": "a > 0", "holds": True, "mean": 1, "deviation": 0}
    held |= dict.fromkeys(("low", "high", "p", "effect"))
    known = {"slug": "starbucks", "title": "t", "verdict": "inconclusive", "date": "2026-01-02"}
    known |= {"seeds": [1, 2, 3], "profile": "", "command": "c", "samples": {}, "seconds": {}, "arms": {}}
    known |= {"premise": [], "reproduced": [held], "not_reproduced": [], "machine": {}, "versions": {}}
    (tmp_path / "docs" / "claims" / "starbucks.json").write_text(json.dumps(known))
    entry = describe(system)
    assert entry["claim"] == {"verdict": "inconclusive", "date": "2026-01-02", "seeds": 3}
    assert "[inconclusive](claims/starbucks.md) | 2026-01-02 |" in page([entry])


def test_tasks_of_systems_are_in_the_catalogue():
    assert describe(find_system("starbucks"))["tasks"] == []
    entry = describe(find_system("dialog2flow"))
    assert entry["tasks"] == ["dialog-flow"]
    assert " | embed, dialog-flow | " in page([entry])


def test_every_recorded_claim_names_its_files():
    for file in (ROOT / "docs" / "claims").glob("*.json"):
        found = load_record(file.parent, file.stem)
        assert found is not None, file
        assert found.verdict in ("reproduced", "not reproduced", "inconclusive")
        assert (file.with_suffix(".md")).is_file()
        assert (file.with_suffix(".svg")).is_file()
