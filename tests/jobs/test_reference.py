from __future__ import annotations

from pathlib import Path

from embedworks.jobs.reference import filter_tables, refreshed

ROOT = Path(__file__).parents[2]


def test_the_tables_of_the_quality_page_are_not_stale():
    page = (ROOT / "docs" / "quality.md").read_text()
    assert page == refreshed(page, filter_tables)
