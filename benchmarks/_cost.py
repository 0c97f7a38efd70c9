"""Points of quality against cost, as a table and as a figure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedworks.embedder import Pair
from embedworks.evaluation.suites import TEXT_FAMILIES

INK = "#7a828e"  # grey that is read on white and on black


@dataclass
class Point:
    """One contender at one size.

    Attributes:
        name: Whose.
        pair: Layers and dimensions; (0, D) for what has no layers, (0, 0) for what has no vectors.
        parameters: That are read at this size.
        families: Family of tasks -> mean.
        times_ms: Milliseconds a text, one for each round.
    """

    name: str
    pair: Pair
    parameters: int
    families: dict[str, float]
    times_ms: list[float] = field(default_factory=list)

    @property
    def size(self) -> str:
        """``6 x 384``."""
        layers, dimensions = self.pair
        return f"{layers} x {dimensions}" if layers else (str(dimensions) if dimensions else "")

    @property
    def ms(self) -> float:
        """The middle of all rounds."""
        return statistics.median(self.times_ms)

    @property
    def mean(self) -> float | None:
        """Over families, each counted once; None where one was not measured."""
        values = [self.families[name] for name in TEXT_FAMILIES if name in self.families]
        return sum(values) / len(values) if len(values) == len(TEXT_FAMILIES) else None


def table(points: Sequence[Point]) -> list[str]:
    """Markdown, contenders in the order given and their sizes from small to large."""
    names = list(TEXT_FAMILIES)
    lines = [
        f"| embedder | size | parameters | ms a text | {' | '.join(names)} | mean |",
        f"|---|---|--:|--:|{'--:|' * (len(names) + 1)}",
    ]
    for point in points:
        values = [f"{point.families[name]:.3f}" if name in point.families else "" for name in names]
        count = f"{point.parameters / 1e6:.1f} M" if point.parameters else ""
        cost = f"{point.ms:.2f}" if point.times_ms else ""
        mean = f"**{point.mean:.3f}**" if point.mean is not None else ""
        lines.append("| " + " | ".join([point.name, point.size, count, cost, *values, mean]) + " |")
    return lines


def draw(points: Sequence[Point], file: Path) -> None:
    """Mean against milliseconds, a line for each contender; the same points give the same bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {"svg.hashsalt": "embedders", "font.size": 9, "text.color": INK}
    style |= {f"{part}color": INK for part in ("axes.edge", "axes.label", "xtick.", "ytick.")}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(7.5, 4.5), layout="constrained")
        axes = figure.subplots()
        for name in dict.fromkeys(point.name for point in points):
            own = sorted((p.ms, p.mean) for p in points if p.name == name and p.times_ms and p.mean)
            if own:
                axes.plot(*zip(*own, strict=True), marker="o", markersize=4, linewidth=1, label=name)
        axes.set(xscale="log", xlabel="milliseconds a text", ylabel="mean of families")
        axes.legend(frameon=False, fontsize=8)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
