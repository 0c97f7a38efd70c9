"""A page: what is on it and what it shows; and how a page of blocks is set from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from embedworks.corpora.worlds._pages.blocks import Column, set_chart, set_table
from embedworks.corpora.worlds._pages.sheet import Box, Picture, Sheet, around
from embedworks.corpora.worlds._pages.style import Style
from embedworks.corpora.worlds._pages.tables import Table

OVERHANG = 2  # pixels that a slanted or serifed letter may stand out over its advance
# role -> size of its letters by that of the text, and its mark in Markdown
HEADINGS = {"title": (1.5, "#"), "heading": (1.2, "##")}


@dataclass
class Page:
    """A page with all that is known of it.

    Attributes:
        sheet: What is on it.
        structure: Its Markdown, or LaTeX.
        face: Of its text.
        size: Of its letters, in pixels.
        source: Of its content.
        tables: Element of a table or chart -> what it shows.
        askew: Whether a word is seen askew.
        fold: Part of the vocabulary that a word is in.
        painted: The picture, if the sheet alone does not make it.
    """

    sheet: Sheet
    structure: str
    face: str
    size: int
    source: str
    tables: dict[int, Table] = field(default_factory=dict)
    askew: bool = False
    fold: int | None = None
    painted: Picture | None = None

    @cached_property
    def boxes(self) -> tuple[list[Box], list[Box]]:
        """Of its elements and its lines, pixels xyxy."""
        return self.sheet.boxes()

    @property
    def picture_HW3(self) -> Picture:
        """RGB."""
        return self.sheet.paint() if self.painted is None else self.painted


class Blocks:
    """Sets blocks below each other, and writes down their Markdown.

    Args:
        style: Of the page.
        width: Of the page at most, in pixels.
    """

    def __init__(self, style: Style, width: int) -> None:
        self.style = style
        self.sheet = Sheet(style.paper, width)
        room = width - 2 * style.margin - OVERHANG
        self.column = Column(self.sheet, style, style.margin, room, style.margin)
        self.markdown: list[str] = []
        self.tables: dict[int, Table] = {}

    def heading(self, role: str, text: str) -> None:
        """A title or the heading of a section."""
        scale, mark = HEADINGS[role]
        self.column.text(role, text, scale, strong=True)
        self._end(f"{mark} {text}")

    def paragraph(self, text: str) -> None:
        """A paragraph, wrapped."""
        self.column.text("paragraph", text)
        self._end(text)

    def table(self, table: Table) -> None:
        """A table."""
        number, shown = set_table(self.column, table)
        self.tables[number] = shown
        self._end(shown.markdown())

    def chart(self, rng: np.random.Generator, table: Table) -> None:
        """A bar chart with its caption."""
        number, caption = set_chart(rng, self.column, table)
        self.tables[number] = table
        self._end(f"**{caption}**\n\n{table.markdown()}")

    def finish(self, source: str) -> Page:
        """The page, cut below and beside what is on it."""
        _, _, right, bottom = around(self.sheet.boxes()[0])
        self.sheet.width, self.sheet.height = right + self.style.margin, bottom + self.style.margin
        structure = "\n\n".join(self.markdown)
        return Page(self.sheet, structure, self.style.face, self.style.size, source, self.tables)

    def _end(self, markdown: str) -> None:
        self.markdown.append(markdown)
        self.column.y += self.style.leading // 2
