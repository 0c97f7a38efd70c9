"""Writes a report: the page, the model cards, and its copies in MLflow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson

from embedworks.corpora.atomic import new_file
from embedworks.report.cards import cards
from embedworks.report.data import Report
from embedworks.report.gathering.source import Source
from embedworks.report.page import render

PAGE = "report.html"
CARDS = "cards"
CARD = "README.md"


def write_page(report: Report, file: Path) -> Path:
    """Write the page, whole or not at all."""
    return _write(file, render(report))


def write_cards(report: Report, source: Source, folder: Path) -> list[Path]:
    """Write ``folder/<model>/README.md`` for every model that the job made; no embedder folder changes."""
    return [_write(folder / model / CARD, text) for model, text in cards(report, source).items()]


def log_files(put: Callable[[str, str], None], page: Path, written: Iterable[Path]) -> None:
    """Keep the page and the cards with a run.

    Args:
        put: Takes the name of an artifact and its text.
        page: The page.
        written: The cards.
    """
    put(PAGE, page.read_text(encoding="utf-8"))
    for card in written:
        put(f"{CARDS}/{card.parent.name}/{CARD}", card.read_text(encoding="utf-8"))


def plain(report: Report) -> dict[str, Any]:
    """All that the page shows as JSON holds it: numbers that are none are null."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(dataclasses.asdict(report)))
    return found


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with new_file(file) as partial:
        partial.write_text(text, encoding="utf-8")
    return file
