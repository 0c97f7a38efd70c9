"""Blocks of a page: paragraphs, tables and bar charts, set below each other on a sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from embedworks.corpora.worlds._pages.fonts import text_width
from embedworks.corpora.worlds._pages.sheet import Box, Element, Rgb, Sheet, wrap
from embedworks.corpora.worlds._pages.style import Style
from embedworks.corpora.worlds._pages.tables import Table

PAD = 4  # pixels between a cell's text and its edge
GAP = 4  # between a bar and what is written beside it
ROOM = (60, 121)  # pixels of the longest upright bar
SHORTEST = 20  # of the longest lying one, at least


class Note(NamedTuple):
    """A text and where its pen begins."""

    text: str
    pen: tuple[int, int]


class Bar(NamedTuple):
    """Of a chart; its row is the one of the chart's table."""

    row: int
    box: Box
    colour: Rgb


@dataclass
class Column:
    """A column of blocks on a sheet.

    Attributes:
        sheet: What they are set on.
        style: How.
        left: Where it begins, in pixels.
        width: Of it.
        y: Where the next block begins.
    """

    sheet: Sheet
    style: Style
    left: int
    width: int
    y: int

    def text(self, role: str, text: str, scale: float = 1, strong: bool = False) -> int:
        """A block of text, wrapped; returns its element."""
        face = self.style.strong if strong else self.style.face
        size = round(self.style.size * scale)
        number = self.sheet.add(Element(role, text=text))
        for line in wrap(text, face, size, self.width):
            self.sheet.write(number, line, face, size, (self.left, self.y + size), self.style.ink)
            self.y += round(1.35 * size)
        return number


def set_table(column: Column, table: Table) -> tuple[int, Table]:
    """Draw a table, as many columns as there is room for; returns its element and what was drawn.

    Names and words stand at the left of their cells, numbers at the right.
    """
    style, sheet = column.style, column.sheet
    widths = _widths(style, table)
    while len(widths) > 2 and sum(widths) > column.width:
        widths.pop()
    table = table.narrow(len(widths))
    whole = sheet.add(Element("table", text=table.markdown()))
    right = {place for place in range(1, len(widths)) if table.numbers(place)}
    edges = [column.left + sum(widths[:number]) for number in range(len(widths) + 1)]
    height = style.leading + PAD
    tops = [column.y + height * number for number in range(len(table.rows) + 2)]
    _draw_grid(column, whole, edges, tops)
    for row, cells in enumerate(table.cells()):
        baseline = tops[row] + (height + round(0.7 * style.size)) // 2
        face = style.face if row else style.strong
        for place, text in enumerate(cells):
            role = "cell" if row else "header"
            number = sheet.add(Element(role, whole, row, place, text))
            x = edges[place] + PAD
            if place in right:
                x = edges[place + 1] - PAD - text_width(face, style.size, text)
            sheet.write(number, text, face, style.size, (x, baseline), style.ink)
    column.y = tops[-1]
    return whole, table


def _widths(style: Style, table: Table) -> list[int]:
    """Pixels of each column, with its padding."""
    faces = [style.strong, *[style.face] * len(table.rows)]
    return [
        max(text_width(face, style.size, text) for face, text in zip(faces, cells, strict=True)) + 2 * PAD
        for cells in zip(*table.cells(), strict=True)
    ]


def _draw_grid(column: Column, whole: int, edges: list[int], tops: list[int]) -> None:
    """Shades and rules; they belong to the table."""
    style, sheet = column.style, column.sheet
    left, right, top, bottom = edges[0], edges[-1], tops[0], tops[-1]
    if style.grid == "shaded":
        for row in range(0, len(tops) - 1, 2):
            sheet.fill((left, tops[row], right, tops[row + 1]), style.shade, whole)
    if style.grid in ("rows", "full"):
        for y in tops:
            sheet.fill((left, y, right + 1, y + 1), style.rule, whole)
    if style.grid == "full":
        for x in edges:
            sheet.fill((x, top, x + 1, bottom + 1), style.rule, whole)


def set_chart(rng: np.random.Generator, column: Column, table: Table) -> tuple[int, str]:
    """Draw a bar chart of a table with names and one column of values; returns its element and caption.

    Bars stand where their names have room below them, and lie otherwise. A bar is as many pixels long as
    its value times one scale, rounded.
    """
    whole = column.sheet.add(Element("chart", text=table.markdown()))
    caption = f"{table.header[1]} by {table.header[0].lower()}"
    number = column.text("caption", caption, strong=True)
    column.sheet.elements[number].parent = whole
    column.y += 2
    style, names = column.style, [row[0] for row in table.rows]
    widest = max(text_width(style.face, style.size, text) for row in table.rows for text in row)
    colours = [style.bars[number % len(style.bars)] for number in range(len(names))]
    if widest + PAD <= column.width // len(names):
        _upright(rng, column, whole, table, colours)
    else:
        _lying(rng, column, whole, table, colours)
    return whole, caption


def _upright(
    rng: np.random.Generator, column: Column, whole: int, table: Table, colours: list[Rgb]
) -> None:
    style, sheet = column.style, column.sheet
    slot = column.width // len(table.rows)
    room = int(rng.integers(*ROOM))
    foot = column.y + style.leading + room  # the axis
    lengths = _lengths(table, room)
    thick = max(4, round(slot * rng.uniform(0.35, 0.8)))
    sheet.fill((column.left, foot, column.left + slot * len(table.rows), foot + 1), style.rule, whole)
    for row, ((name, value), length) in enumerate(zip(table.rows, lengths, strict=True)):
        x = column.left + slot * row + (slot - thick) // 2
        bar = Bar(row + 1, (x, foot - length, x + thick, foot), colours[row])
        middle = x + thick // 2
        under = (middle - text_width(style.face, style.size, name) // 2, foot + style.size + 2)
        over = (middle - text_width(style.face, style.size, value) // 2, foot - length - GAP)
        _add_bar(column, whole, bar, Note(name, under), Note(value, over))
    column.y = foot + style.leading + 2


def _lying(rng: np.random.Generator, column: Column, whole: int, table: Table, colours: list[Rgb]) -> None:
    style, sheet = column.style, column.sheet
    names, values = zip(*table.rows, strict=True)
    before = max(text_width(style.face, style.size, name) for name in names)
    behind = max(text_width(style.face, style.size, value) for value in values)
    axis = column.left + before + GAP
    room = max(SHORTEST, column.left + column.width - axis - behind - GAP)
    slot = style.leading + int(rng.integers(2, 10))
    thick = max(4, round(slot * rng.uniform(0.5, 0.85)))
    sheet.fill((axis - 1, column.y, axis, column.y + slot * len(table.rows)), style.rule, whole)
    for row, ((name, value), length) in enumerate(zip(table.rows, _lengths(table, room), strict=True)):
        top = column.y + slot * row + (slot - thick) // 2
        bar = Bar(row + 1, (axis, top, axis + length, top + thick), colours[row])
        baseline = column.y + slot * row + (slot + round(0.7 * style.size)) // 2
        note = Note(name, (axis - GAP - text_width(style.face, style.size, name), baseline))
        _add_bar(column, whole, bar, note, Note(value, (axis + length + GAP, baseline)))
    column.y += slot * len(table.rows) + 2


def _add_bar(column: Column, whole: int, bar: Bar, name: Note, value: Note) -> None:
    """A bar and what is written at it, in the row of the chart's table that it stands for."""
    style, sheet = column.style, column.sheet
    drawn = sheet.add(Element("bar", whole, bar.row))
    sheet.fill(bar.box, bar.colour, drawn)
    for role, place, note in (("label", 0, name), ("value", 1, value)):
        number = sheet.add(Element(role, whole, bar.row, place, note.text))
        sheet.write(number, note.text, style.face, style.size, note.pen, style.ink)


def _lengths(table: Table, room: int) -> list[int]:
    """Pixels of each bar; the longest is ``room``."""
    values = [float(row[1]) for row in table.rows]
    return [round(value * room / max(values)) for value in values]
