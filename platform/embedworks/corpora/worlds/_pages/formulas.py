"""Formulas in LaTeX, as matplotlib's mathtext sets them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from embedworks.corpora.recipe import need
from embedworks.corpora.worlds._pages.content import belongs
from embedworks.corpora.worlds._pages.fonts import FAINTEST, Coverage, ink_box
from embedworks.corpora.worlds._pages.sheet import Element, Sheet
from embedworks.corpora.worlds._pages.style import Style

LETTERS = (
    "a",
    "b",
    "c",
    "m",
    "n",
    "x",
    "y",
    "z",
    r"\alpha",
    r"\beta",
    r"\lambda",
    r"\pi",
    r"\theta",
)
COUNTERS = ("i", "j", "k")
SIGNS = ("+", "-", r"\cdot ")
RELATIONS = ("=", "<", r"\leq ", r"\approx ")
# What a user's matplotlibrc would change otherwise.
SETTINGS = {
    "mathtext.fontset": "dejavusans",
    "mathtext.default": "it",
    "text.antialiased": True,
    "text.hinting": "force_autohint",
}
DEPTH = 2  # of what is in one another
POINTS = 72  # mathtext is told points; at 72 dots an inch they are pixels


def draw_formula(rng: np.random.Generator, split: str, seed: int) -> str:
    """LaTeX of a formula of this split: which one it is in, its hash decides."""
    while True:
        formula = f"{_sum(rng, DEPTH)} {_one_of(rng, RELATIONS)}{_sum(rng, DEPTH - 1)}"
        if belongs(formula, split, seed):
            return formula


def set_formula(formula: str, style: Style, width: int) -> tuple[Sheet, int]:
    """A sheet with a formula no wider than ``width`` pixels, and the letters' size."""
    size = 2 * style.size
    coverage_HW = _coverage(formula, size)
    room = width - 2 * style.margin
    while coverage_HW.shape[1] > room:
        size = min(size - 1, size * room // coverage_HW.shape[1])
        coverage_HW = _coverage(formula, size)
    high, wide = coverage_HW.shape
    sheet = Sheet(style.paper, wide + 2 * style.margin, high + 2 * style.margin)
    element = sheet.add(Element("formula", text=formula))
    sheet.stamp(element, formula, coverage_HW, (style.margin, style.margin), style.ink)
    return sheet, size


def _coverage(formula: str, size: int) -> Coverage:
    from matplotlib.font_manager import FontProperties

    with need("matplotlib", "matplotlib").rc_context(SETTINGS):
        parsed = _parser().parse(f"${formula}$", dpi=POINTS, prop=FontProperties(size=size))
    drawn_HW = np.asarray(parsed.image)
    x1, y1, x2, y2 = ink_box(drawn_HW)
    return np.where(drawn_HW < FAINTEST, 0, drawn_HW).astype(np.uint8)[y1:y2, x1:x2]


@lru_cache(maxsize=1)
def _parser() -> Any:
    return need("matplotlib.mathtext", "matplotlib").MathTextParser("agg")


def _sum(rng: np.random.Generator, depth: int) -> str:
    terms = [_term(rng, depth) for _ in range(rng.integers(1, 3))]
    return "".join(term if not place else _one_of(rng, SIGNS) + term for place, term in enumerate(terms))


def _term(rng: np.random.Generator, depth: int) -> str:
    """A letter, a number, or a construction around smaller ones."""
    form = rng.integers(7) if depth else rng.integers(2)
    if form == 0:
        return str(rng.integers(1, 100))
    if form == 1:
        return _one_of(rng, LETTERS)
    inner, other = _sum(rng, depth - 1), _term(rng, depth - 1)
    letter = _one_of(rng, LETTERS)
    return (
        rf"\frac{{{inner}}}{{{other}}}",
        rf"\sqrt{{{inner}}}",
        f"{letter}^{{{other}}}",
        f"{letter}_{{{other}}}",
        rf"\sum_{{{_one_of(rng, COUNTERS)}=1}}^{{{other}}} {inner}",
    )[form - 2]


def _one_of(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[rng.integers(len(choices))]
