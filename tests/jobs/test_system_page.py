from __future__ import annotations

import re
from pathlib import Path

import pytest

from embedworks.catalog import find_system, objectives, systems
from embedworks.jobs import system_page as system_page_module
from embedworks.jobs.system_page import WHEN, system_page, write_pages
from helpers.commands import unknown_options

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "systems"


@pytest.fixture(autouse=True)
def _own_systems(monkeypatch):
    monkeypatch.delenv("EMBEDWORKS_PATH", raising=False)  # systems of the integration tests


@pytest.mark.parametrize("slug", sorted(systems()))
def test_a_page_is_not_stale_and_whole(slug):
    """It says when to use the system, its commands are right, and its links lead somewhere."""
    text = (PAGES / f"{slug}.md").read_text()
    assert text == system_page(find_system(slug))
    assert "## When to use it" in text
    assert WHEN not in text
    assert "arxiv.org/abs/" in text
    commands = re.findall(r"^embedworks .*$", text, re.MULTILINE)
    assert len(commands) >= 2
    assert [unknown_options(command) for command in commands] == [set()] * len(commands)
    for link in re.findall(r"\]\((?!http|#)([^)#]+)", text):
        assert (PAGES / link).exists(), link
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_there_is_a_page_for_each_system_and_no_other(tmp_path):
    assert {file.stem for file in PAGES.glob("*.md")} == set(systems())
    (tmp_path / "gone.md").write_text("a system that was taken away")
    found = {"align": find_system("align")}
    assert [file.name for file in write_pages(tmp_path, found)] == ["align.md"]
    assert [file.name for file in tmp_path.iterdir()] == ["align.md"]


def test_objectives_with_the_same_keys_share_a_table(monkeypatch):
    system = find_system("starbucks")
    found = objectives(system)
    assert list(found) == ["", "smae"]
    monkeypatch.setattr(system_page_module, "objectives", lambda _: {**found, "again": found["smae"]})
    text = system_page(system)
    assert "under `system: starbucks/smae` and `system: starbucks/again`\n" in text
    assert text.count("| `decoder_ratio` |") == 1
