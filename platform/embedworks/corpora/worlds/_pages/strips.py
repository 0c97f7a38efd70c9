"""Strips of words, as long or as tall as wanted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embedworks.corpora.worlds._pages.fonts import fitting, space, text_ink, text_width
from embedworks.corpora.worlds._pages.sheet import Element, Rgb, Sheet

LETTERS = (0.5, 0.8)  # size of letters by the height of a strip that lies
COLUMN_LETTERS = 0.34  # by the width of one that stands
SMALLEST = 8  # pixels of a letter
EDGE = 2  # pixels of paper around the text
TRIES = 24  # words that are tried for the rest of a line


def draw_strip(
    rng: np.random.Generator,
    words: Sequence[str],
    face: str,
    height: int,
    aspect: float,
    colours: tuple[Rgb, Rgb],
) -> tuple[Sheet, int]:
    """A strip filled with words, one line or a word on each of an upright one; and the letters' size.

    Args:
        rng: Of the row.
        words: To draw from.
        face: Of the letters.
        height: The short side, in pixels.
        aspect: Width by height; below 1 the strip stands upright.
        colours: Of paper and ink.
    """
    paper, colour = colours
    width = round(height * aspect) if aspect >= 1 else height
    sheet = Sheet(paper, width, height if aspect >= 1 else round(height / aspect))
    if aspect < 1:
        size = max(SMALLEST, round(height * COLUMN_LETTERS))
        count = max(1, sheet.height // round(1.6 * size))
        lines = [_next(rng, words, face, size, width - 2 * EDGE) for _ in range(count)]
    else:
        size = round(height * rng.uniform(*LETTERS))
        lines = [" ".join(_line(rng, words, face, size, width - 2 * EDGE))]
    slot = sheet.height // len(lines)
    size = min(fitting(line, face, size, width - 2 * EDGE, slot - 2 * EDGE) for line in lines)
    element = sheet.add(Element("line", text="\n".join(lines)))
    boxes = [text_ink(face, size, line) for line in lines]
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    for number, (line, box) in enumerate(zip(lines, boxes, strict=True)):
        left = (width - box[2] - box[0]) // 2
        baseline = slot * number + (slot - top - bottom) // 2
        sheet.write(element, line, face, size, (left, baseline), colour)
    return sheet, size


def _line(rng: np.random.Generator, words: Sequence[str], face: str, size: int, width: int) -> list[str]:
    """Words until none of those tried fits into what is left."""
    line = [_next(rng, words, face, size, width)]
    while True:
        left = width - text_width(face, size, " ".join(line)) - space(face, size)
        word = _next(rng, words, face, size, left)
        if text_width(face, size, word) > left:
            return line
        line.append(word)


def _next(rng: np.random.Generator, words: Sequence[str], face: str, size: int, width: int) -> str:
    """A word that fits, or the shortest of those tried."""
    tried: list[str] = [words[number] for number in rng.integers(len(words), size=TRIES).tolist()]
    fits = (word for word in tried if text_width(face, size, word) <= width)
    return next(fits, min(tried, key=len))
