"""How a page looks: colours, letters, margins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from embedworks.corpora.worlds._pages.fonts import FACES, Family
from embedworks.corpora.worlds._pages.sheet import Rgb

DARK_SHARE = 0.15  # light ink on dark paper
LIGHT, DARK = (215, 256), (0, 80)  # of each channel
CONTRAST = 70  # of a channel between a bar and its ground
Grid = Literal["none", "rows", "full", "shaded"]
GRIDS: tuple[Grid, ...] = ("none", "rows", "full", "shaded")


@dataclass(frozen=True)
class Style:
    """Of one page.

    Attributes:
        face: Of the text.
        strong: Of titles and headers.
        size: Of the text, in pixels.
        paper: Colour.
        ink: Colour of letters.
        rule: Colour of lines between cells, and of axes.
        shade: Ground of a header or every other row.
        bars: Colours of a chart's bars, one for all or one each.
        grid: Of tables.
        margin: On all sides, in pixels.
    """

    face: str
    strong: str
    size: int
    paper: Rgb
    ink: Rgb
    rule: Rgb
    shade: Rgb
    bars: tuple[Rgb, ...]
    grid: Grid
    margin: int

    @property
    def leading(self) -> int:
        """Pixels from a baseline to the next."""
        return round(1.35 * self.size)


def draw_style(rng: np.random.Generator, families: tuple[Family, ...], size: int, colour: bool) -> Style:
    """A style.

    Args:
        rng: Of the row.
        families: To choose from.
        size: Of the smallest letters, in pixels; a fifth more is drawn as often.
        colour: Coloured paper and ink, dark paper now and then; black on white otherwise.
    """
    face, strong, *_ = FACES[families[rng.integers(len(families))]]
    paper, ink = draw_colours(rng, colour)
    return Style(
        face=face,
        strong=strong,
        size=int(rng.integers(size, round(1.2 * size) + 1)),
        paper=paper,
        ink=ink,
        rule=mix(paper, ink, 0.45),
        shade=mix(paper, ink, 0.12),
        bars=_bar_colours(rng, paper, ink, colour),
        grid=GRIDS[rng.integers(len(GRIDS))],
        margin=int(rng.integers(4, 11)),
    )


def draw_colours(rng: np.random.Generator, colour: bool) -> tuple[Rgb, Rgb]:
    """Colours of a paper and of ink that can be read on it."""
    light, dark = _colour(rng, LIGHT), _colour(rng, DARK)
    swap = rng.random() < DARK_SHARE
    if not colour:
        return (255, 255, 255), (0, 0, 0)
    return (dark, light) if swap else (light, dark)


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """``share`` of the second."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _colour(rng: np.random.Generator, channel: tuple[int, int]) -> Rgb:
    red, green, blue = rng.integers(*channel, 3).tolist()
    return red, green, blue


def _bar_colours(rng: np.random.Generator, paper: Rgb, ink: Rgb, colour: bool) -> tuple[Rgb, ...]:
    """One colour for all bars, or several."""
    from embedworks.corpora.drawings.colours import COLOURS

    seen = [one for one in COLOURS.values() if max(abs(np.subtract(one, paper))) >= CONTRAST]
    order = [seen[number] for number in rng.permutation(len(seen))]
    several = rng.random() < 0.4
    if not colour:
        return (mix(paper, ink, 0.5),)
    return tuple(order if several else order[:1])
