"""A contact sheet of a corpus: the pictures of some rows in a grid, each with what its row says of it."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from embedworks.corpora.atomic import new_file
from embedworks.corpora.corpus import Corpus
from embedworks.corpora.recipe import Row
from embedworks.errors import InputError, first_line

if TYPE_CHECKING:
    from PIL.Image import Image

TITLES = ("caption", "text", "query", "name", "label")  # what a picture is called, the first that is there
SIZE = 128  # pixels that a picture is enlarged to
WIDTH = 8 * (SIZE + 8)  # of a sheet, in pixels
LINES, LINE = 3, 14  # of text below a picture, and the height of one
LETTERS = 24  # of a line below a picture
GAP = 8
INK, PAPER, EDGE = (20, 20, 20), (255, 255, 255), (220, 30, 30)


Cell: TypeAlias = "tuple[Sequence[Image], str]"  # pictures side by side, and the text below


@dataclass(frozen=True)
class Look:
    """How a sheet is made.

    Attributes:
        rows: How many rows it shows.
        split: Of which split.
        boxes: Draw the boxes that the rows have, in ``objects`` or ``elements``.
    """

    rows: int = 24
    split: str = "train"
    boxes: bool = False


def picture_columns(corpus: Corpus) -> list[str]:
    """Columns that hold pictures, or lists of them, by what the first row has in them."""
    split = next(iter(corpus.manifest.splits))
    first = next(iter(corpus.iter_rows(split)), {})
    return [name for name, value in first.items() if _is_picture(value)]


def write_contact_sheet(corpus: Corpus, file: Path, look: Look | None = None) -> int:
    """Write a PNG file; returns how many rows it shows.

    Raises:
        InputError: if the corpus has no pictures, no such split, or pictures that cannot be read.
    """
    look = look or Look()
    columns = picture_columns(corpus)
    if not columns:
        have = ", ".join(corpus.columns)
        raise InputError(
            f"corpus {corpus.manifest.name!r} has no column of pictures",
            expected=f"PNG or JPEG bytes in one of its columns: {have}",
        )
    rows = _spread(corpus, look)
    sheet = draw_sheet([(_pictures(row, columns, look.boxes), _title(row)) for row in rows])
    with new_file(file) as partial:
        sheet.save(partial, format="PNG", optimize=True)
    return len(rows)


def _spread(corpus: Corpus, look: Look) -> list[Row]:
    """Rows from all over the split: neighbours are often alike."""
    have = corpus.rows(look.split)
    numbers = np.unique(np.linspace(0, have - 1, min(look.rows, have)).round().astype(np.int64))
    found: list[Row] = corpus.read(look.split, numbers, list(corpus.columns)).to_pylist()
    return found


def draw_sheet(cells: Sequence[Cell]) -> Image:
    """Cells in lines, as words on a page: each as wide as it needs, a line as high as its highest cell."""
    from PIL import Image, ImageDraw, ImageFont

    lines = _lines(cells)
    heights = [max(_height(pictures) for pictures, _ in line) + LINE * LINES + GAP for line in lines]
    width = max(sum(_width(pictures) + GAP for pictures, _ in line) for line in lines)
    sheet = Image.new("RGB", (width + GAP, sum(heights) + GAP), PAPER)
    draw, font, y = ImageDraw.Draw(sheet), ImageFont.load_default(size=10), GAP
    for line, height in zip(lines, heights, strict=True):
        x = GAP
        for pictures, title in line:
            below, letters = y + _height(pictures) + 2, LETTERS * _width(pictures) // SIZE
            text = textwrap.fill(title, letters, max_lines=LINES, placeholder=" ...")
            draw.multiline_text((x, below), text, INK, font, spacing=2)
            for number, picture in enumerate(pictures):
                sheet.paste(picture, (x + sum(one.width for one in pictures[:number]), y))
            x += _width(pictures) + GAP
        y += height
    return sheet


def _lines(cells: Sequence[Cell]) -> list[list[Cell]]:
    lines: list[list[Cell]] = [[]]
    room = WIDTH
    for cell in cells:
        room -= _width(cell[0]) + GAP
        if room < 0 and lines[-1]:
            lines.append([])
            room = WIDTH - _width(cell[0]) - GAP
        lines[-1].append(cell)
    return lines


def _width(pictures: Sequence[Image]) -> int:
    return max(SIZE, sum(picture.width for picture in pictures))


def _height(pictures: Sequence[Image]) -> int:
    return max(picture.height for picture in pictures)


def _is_picture(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and _is_picture(value[0])
    return isinstance(value, bytes) and value.startswith((b"\x89PNG", b"\xff\xd8\xff"))


def _pictures(row: Row, columns: Iterable[str], boxes: bool) -> list[Image]:
    found = []
    for column in columns:
        value = row[column]
        for data in value if isinstance(value, list) else [value]:
            if data is not None:
                found.append(_picture(data, f"column {column!r}", _boxes(row) if boxes else ()))
    return found


def _picture(data: bytes, where: str, boxes: Iterable[Sequence[int]]) -> Image:
    from PIL import Image, ImageDraw, ImageOps

    try:
        opened = Image.open(io.BytesIO(data))
        # Masks count objects and digits go to 16: their greys are far too dark to see.
        picture = (ImageOps.autocontrast(opened) if opened.mode == "L" else opened).convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"not a whole picture: {first_line(error)}", where=where) from error
    scale = max(1, SIZE // max(picture.size))
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture)
    for x1, y1, x2, y2 in boxes:
        # Just outside, where it hides nothing of what it encloses.
        draw.rectangle((x1 * scale - 1, y1 * scale - 1, x2 * scale, y2 * scale), outline=EDGE)
    return picture


def _boxes(row: Row) -> Iterator[Sequence[int]]:
    for column in ("objects", "elements"):
        for one in row.get(column) or ():
            if one.get("box"):
                yield one["box"]


def _title(row: Row) -> str:
    return next((str(row[name]) for name in TITLES if row.get(name)), "")
