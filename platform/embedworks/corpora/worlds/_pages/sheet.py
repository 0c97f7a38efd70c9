"""A sheet of paper: what is written and drawn on it, where, and as what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from embedworks.corpora.worlds._pages.fonts import Coverage, advance, ink, space, text_width

Box = tuple[int, int, int, int]  # pixels xyxy, exclusive
Rgb = tuple[int, int, int]
Picture = npt.NDArray[np.uint8]  # _HW3


class Fill(NamedTuple):
    """A rectangle of one colour."""

    box: Box
    colour: Rgb
    element: int | None


class Word(NamedTuple):
    """A word where it stands."""

    text: str
    coverage_HW: Coverage
    box: Box
    colour: Rgb
    line: int


class Line(NamedTuple):
    """Words on one baseline that belong to one element."""

    text: str
    element: int
    baseline: int


@dataclass
class Element:
    """A part of a page.

    Attributes:
        role: title, heading, paragraph, caption, table, header, cell, chart, label, value, bar, ...
        parent: The element it is in.
        row: Of a table from 0 for the header, or of a chart's table likewise.
        column: From 0 for the names.
        text: What is written in it; a whole's Markdown.
    """

    role: str
    parent: int | None = None
    row: int | None = None
    column: int | None = None
    text: str = ""


@dataclass
class Sheet:
    """Collects before it paints, for a page is as high as what is on it."""

    paper: Rgb
    width: int
    height: int = 0
    fills: list[Fill] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)

    def add(self, element: Element) -> int:
        """Begin an element; returns its number."""
        self.elements.append(element)
        return len(self.elements) - 1

    def write(
        self, element: int, text: str, face: str, size: int, pen: tuple[int, int], colour: Rgb
    ) -> None:
        """One line of words.

        Args:
            element: What it is part of.
            text: Words with a space between them.
            face: See :data:`~embedworks.corpora.worlds._pages.fonts.FACES`.
            size: In pixels.
            pen: x where it begins and y of the baseline.
            colour: Of the ink.
        """
        x, baseline = pen
        self.lines.append(Line(text, element, baseline))
        for word in text.split():
            drawn = ink(face, size, word)
            height, width = drawn.coverage_HW.shape
            left, top = x + drawn.x, baseline + drawn.y
            box = (left, top, left + width, top + height)
            self.words.append(Word(word, drawn.coverage_HW, box, colour, len(self.lines) - 1))
            x += advance(face, size, word) + space(face, size)

    def stamp(
        self, element: int, text: str, coverage_HW: Coverage, corner: tuple[int, int], colour: Rgb
    ) -> None:
        """Ink that is not set word by word, as one word of one line; its left upper corner is given."""
        height, width = coverage_HW.shape
        x, y = corner
        self.lines.append(Line(text, element, y + height))
        box = (x, y, x + width, y + height)
        self.words.append(Word(text, coverage_HW, box, colour, len(self.lines) - 1))

    def fill(self, box: Box, colour: Rgb, element: int | None = None) -> None:
        """A rectangle below all words; ``element`` is the one it belongs to, if it is no mere ground."""
        self.fills.append(Fill(box, colour, element))

    def paint(self, elements: Iterable[int] | None = None) -> Picture:
        """The picture, or what these elements alone leave on the paper."""
        chosen = None if elements is None else set(elements)
        picture_HW3 = np.empty((self.height, self.width, 3), dtype=np.uint8)
        picture_HW3[:] = self.paper
        for fill in self.fills:
            if chosen is None or fill.element in chosen:
                x1, y1, x2, y2 = fill.box
                picture_HW3[y1:y2, x1:x2] = fill.colour
        for word in self.words:
            if chosen is None or self.lines[word.line].element in chosen:
                blend(picture_HW3, word.coverage_HW, word.box, word.colour)
        return picture_HW3

    def boxes(self) -> tuple[list[Box], list[Box]]:
        """Of the elements, each with what is in it, and of the lines."""
        of_line: list[list[Box]] = [[] for _ in self.lines]
        of_element: list[list[Box]] = [[] for _ in self.elements]
        for word in self.words:
            of_line[word.line].append(word.box)
        lines = [around(boxes) for boxes in of_line]
        for line, box in zip(self.lines, lines, strict=True):
            of_element[line.element].append(box)
        for fill in self.fills:
            if fill.element is not None:
                of_element[fill.element].append(fill.box)
        for number in reversed(range(len(self.elements))):  # children come after their parents
            parent = self.elements[number].parent
            if parent is not None:
                of_element[parent] += of_element[number]
        return [around(boxes) for boxes in of_element], lines

    def inside(self, element: int) -> Iterator[int]:
        """The element and all that are in it."""
        yield element
        for number, other in enumerate(self.elements):
            if other.parent == element:
                yield from self.inside(number)


def blend(picture_HW3: Picture, coverage_HW: Coverage, box: Box, colour: Rgb) -> None:
    """Put ink on a picture, in place."""
    x1, y1, x2, y2 = box
    below_HW3 = picture_HW3[y1:y2, x1:x2].astype(np.int32)
    towards_HW3 = (np.array(colour, dtype=np.int32) - below_HW3) * coverage_HW[:, :, None]
    picture_HW3[y1:y2, x1:x2] = below_HW3 + (towards_HW3 + 127) // 255


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box around boxes."""
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return min(x1), min(y1), max(x2), max(y2)


def wrap(text: str, face: str, size: int, width: int) -> list[str]:
    """Lines no wider than ``width`` pixels, where the words allow it."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(face, size, longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
