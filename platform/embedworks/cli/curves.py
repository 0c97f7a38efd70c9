"""Curves: in the terminal as braille dots, or as a PNG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.text import Text

from embedworks.errors import InputError

Curve = Sequence[tuple[int, float]]

COLOURS = ("cyan", "magenta", "yellow", "green", "red", "blue")
# Bits of a braille character's dots, by row and column (Unicode 15, block 2800).
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
ROWS, MARGIN = 16, 11
WIDEST = 120  # characters


def draw(console: Console, curves: Mapping[str, Curve], metric: str) -> None:
    """Draw curves in one frame; without colours one below the other, in the same scale."""
    points = [point for curve in curves.values() for point in curve if math.isfinite(point[1])]
    if not points:
        console.print(f"{metric}: no finite values")
        return
    steps, values = [step for step, _ in points], [value for _, value in points]
    frame = Frame(min(steps), max(steps), min(values), max(values), min(console.width, WIDEST) - MARGIN - 1)
    coloured = dict(zip(curves, (COLOURS[n % len(COLOURS)] for n in range(len(curves))), strict=True))
    groups = [list(curves)] if console.color_system else [[name] for name in curves]
    for group in groups:
        console.print(
            Text(f"{metric}   ") + Text("   ").join(Text(f"━ {name}", coloured[name]) for name in group)
        )
        for line in frame.lines({name: curves[name] for name in group}, coloured):
            console.print(line, no_wrap=True, crop=False, soft_wrap=True)


class Frame:
    """A canvas of characters, each of 4 x 2 dots, over a range of steps and values."""

    def __init__(self, first: int, last: int, low: float, high: float, columns: int) -> None:
        self.first, self.last, self.low, self.high = first, last, low, high
        self.columns = max(10, columns)

    def lines(self, curves: Mapping[str, Curve], colours: Mapping[str, str]) -> list[Text]:
        """The frame with its axes; where curves cross, the last one's colour is seen."""
        bits = [[0] * self.columns for _ in range(ROWS)]
        inks = [[""] * self.columns for _ in range(ROWS)]
        for name, curve in curves.items():
            for x, y in self._dots(curve):
                bits[y // 4][x // 2] |= DOTS[y % 4][x % 2]
                inks[y // 4][x // 2] = colours[name]
        labels = {0: self.high, ROWS // 2: (self.low + self.high) / 2, ROWS - 1: self.low}
        lines = []
        for number, (row, ink) in enumerate(zip(bits, inks, strict=True)):
            label = f"{labels[number]:.4g}" if number in labels else ""
            line = Text(f"{label:>{MARGIN - 1}} │")
            for bit, colour in zip(row, ink, strict=True):
                line.append(chr(0x2800 + bit) if bit else " ", colour)
            lines.append(line)
        lines.append(Text(" " * MARGIN + "└" + "─" * self.columns))
        last = f"{self.last}"
        lines.append(
            Text(" " * (MARGIN + 1) + f"{self.first}".ljust(self.columns - len(last) - 5) + f"step {last}")
        )
        return lines

    def _dots(self, curve: Curve) -> list[tuple[int, int]]:
        """Dots of the lines between the points."""
        places = [self._place(step, value) for step, value in curve if math.isfinite(value)]
        dots = places[:1]
        for (x0, y0), (x1, y1) in pairwise(places):
            length = max(abs(x1 - x0), abs(y1 - y0), 1)
            dots += [
                (round(x0 + (x1 - x0) * n / length), round(y0 + (y1 - y0) * n / length))
                for n in range(1, length + 1)
            ]
        return dots

    def _place(self, step: int, value: float) -> tuple[int, int]:
        across = (step - self.first) / max(1, self.last - self.first)
        up = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(across * (2 * self.columns - 1)), round((1 - up) * (4 * ROWS - 1))


def save_png(file: Path, curves: Mapping[str, Curve], metric: str) -> None:
    """Write curves as a PNG.

    Raises:
        InputError: if the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot([step for step, _ in curve], [value for _, value in curve], label=name)
    axes.set(xlabel="step", ylabel=metric)
    axes.grid(alpha=0.3)
    axes.legend()
    try:
        figure.savefig(file, format="png", dpi=150)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}", where="--out") from error
