"""A page as text: lines from top to bottom, what stands beside each other in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from embedworks.corpora.worlds._pages.sheet import Box, Line

SAME_ROW = 0.5  # how far baselines may be apart, by the height of letters
LETTER_WIDTH = 0.55  # by the height of letters


class Placed(NamedTuple):
    """A line of one element, and the ink it left."""

    line: Line
    box: Box


def reading_order(lines: list[Line], boxes: list[Box], size: int) -> str:
    """The page's text in reading order.

    Lines of different elements on one baseline become one line, with as many spaces between them as
    letters would fit there, but at least two.

    Args:
        lines: Of all elements.
        boxes: Of their ink, pixels xyxy.
        size: Of the text, in pixels.
    """
    placed = [Placed(line, box) for line, box in zip(lines, boxes, strict=True)]
    return "\n".join(_joined(row, size) for row in _rows(placed, size))


def _rows(placed: list[Placed], size: int) -> Iterator[list[Placed]]:
    row: list[Placed] = []
    for one in sorted(placed, key=lambda one: one.line.baseline):
        if row and one.line.baseline - row[0].line.baseline > SAME_ROW * size:
            yield row
            row = []
        row.append(one)
    if row:
        yield row


def _joined(row: list[Placed], size: int) -> str:
    text, end = "", 0
    for line, box in sorted(row, key=lambda one: one.box[0]):
        if text:
            text += " " * max(2, round((box[0] - end) / (LETTER_WIDTH * size)))
        text, end = text + line.text, box[2]
    return text
