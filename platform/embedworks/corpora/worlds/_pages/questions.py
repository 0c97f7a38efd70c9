"""Questions about a page, each with its answer and where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from embedworks.corpora.recipe import Row
from embedworks.corpora.worlds._pages.page import Page
from embedworks.corpora.worlds._pages.sheet import Box, Sheet
from embedworks.corpora.worlds._pages.tables import Table

CELL_ROLES = ("cell", "label", "value")
WHOLES = ("line", "word", "formula")  # are asked for as one
TITLES = ("title", "caption")


def ask(rng: np.random.Generator, page: Page, count: int) -> list[Row]:
    """Some of the questions that the page answers, no two alike and none with two answers.

    Args:
        rng: Of the row.
        page: What is asked about.
        count: At most.
    """
    sheet, (boxes, _) = page.sheet, page.boxes
    found = list(_about_texts(sheet, boxes))
    for whole, table in page.tables.items():
        found += _about_table(sheet, boxes, whole, table)
    answers = Counter(row["question"] for row in found)
    clear = [row for row in found if answers[row["question"]] == 1]
    kinds = sorted({row["kind"] for row in clear})
    chosen: list[Row] = []
    while clear and len(chosen) < count:  # by kind first: a table has far more cells than extremes
        kind = kinds[rng.integers(len(kinds))]
        of_kind = [row for row in clear if row["kind"] == kind]
        chosen.append(of_kind[rng.integers(len(of_kind))])
        clear.remove(chosen[-1])
        kinds = sorted({row["kind"] for row in clear})
    return chosen


def _about_table(sheet: Sheet, boxes: list[Box], whole: int, table: Table) -> Iterator[Row]:
    """Of cells by name and column, of names by value, of the highest and the lowest."""
    at = {
        (element.row, element.column): boxes[number]
        for number, element in enumerate(sheet.elements)
        if element.parent == whole and element.role in CELL_ROLES
    }
    subject = table.header[0].lower()
    for column, measure in list(enumerate(table.header))[1:]:
        cells = [row[column] for row in table.rows]
        for row, (name, *_) in enumerate(table.rows, start=1):
            cell = cells[row - 1]
            yield _row("value", f"What is the value of {measure} for {name}?", cell, at[row, column])
            if cells.count(cell) == 1:
                yield _row("name", f"Which {subject} has the value {cell} for {measure}?", name, at[row, 0])
        numbers = table.numbers(column)
        for kind, best in (("highest", max), ("lowest", min)):
            if numbers and numbers.count(best(numbers)) == 1:
                row = numbers.index(best(numbers))
                question = f"Which {subject} has the {kind} value of {measure}?"
                yield _row(kind, question, table.rows[row][0], at[row + 1, 0])


def _about_texts(sheet: Sheet, boxes: list[Box]) -> Iterator[Row]:
    """Of the title, of a chart's caption, of what a crop says, of words and their neighbours."""
    for number, element in enumerate(sheet.elements):
        if element.role in WHOLES:
            yield _row("read", "What does it say?", element.text, boxes[number])
        elif element.role in TITLES:
            thing = "page" if element.role == "title" else "chart"
            yield _row("title", f"What is the title of the {thing}?", element.text, boxes[number])
        elif element.role == "paragraph":
            yield from _about_words(sheet, number)


def _about_words(sheet: Sheet, element: int) -> Iterator[Row]:
    words = [word for word in sheet.words if sheet.lines[word.line].element == element]
    count = Counter(word.text for word in sheet.words)
    for word, following in pairwise(words):
        if count[word.text] == 1 and '"' not in word.text:
            yield _row("word", f'Which word follows "{word.text}"?', following.text, following.box)


def _row(kind: str, question: str, answer: str, box: Box) -> Row:
    return {"kind": kind, "question": question, "answer": answer, "box": list(box)}
