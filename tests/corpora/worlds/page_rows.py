"""Pages to be tested, and what is read off them by other means than those that drew them."""

from __future__ import annotations

import numpy as np

from embedworks.corpora.recipe import row_rng
from embedworks.corpora.worlds import pages
from embedworks.corpora.worlds._pages.compose import compose

KINDS = ("word", "line", "text", "table", "chart", "document", "formula", "background")
SET = ("line", "text", "table", "chart", "document", "formula")  # drawn as a sheet


def world(**given) -> pages.World:
    return pages.World(pages.Options(**given))


def rows(*kinds, split="train", count=6, **given) -> list[dict]:
    made = [world(kinds=(kind,), **given) for kind in kinds]
    return [one.row(split, index) for one in made for index in range(count)]


def page(kind, index):
    options = pages.Options(kinds=(kind,))
    rng = row_rng(0, pages.NAME, "train", index)
    rng.integers(1)  # draws the kind
    return compose(rng, kind, "train", options)


def differing(first_HW3, second_HW3) -> list[int]:
    """The box around all pixels that are not alike."""
    y, x = np.nonzero((first_HW3 != second_HW3).any(axis=2))
    return [x.min(), y.min(), x.max() + 1, y.max() + 1]


def tables(markdown: str) -> list[list[list[str]]]:
    """Every table's cells, header first."""
    found: list[list[list[str]]] = []
    for block in markdown.split("\n\n"):
        if block.startswith("| "):
            lines = [line.strip("|").split("|") for line in block.splitlines()]
            cells = [[cell.strip() for cell in line] for line in lines]
            assert set(cells.pop(1)) == {"---"}
            found.append(cells)
    return found
