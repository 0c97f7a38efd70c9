"""Points of quality against cost, as a table and as a figure, and kept from one run to the next."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
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
        reference_ms: What the reference took in the same run, at its full size.
        about: What trained it.
        date: Of the run.
        cpu: Of the run.
    """

    name: str
    pair: Pair
    parameters: int
    families: dict[str, float]
    times_ms: list[float] = field(default_factory=list)
    reference_ms: float = 0
    about: str = ""
    date: str = ""
    cpu: str = ""

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
    def cost(self) -> float | None:
        """Time in units of the reference's, so that runs on different days compare; None without a time."""
        return self.ms / self.reference_ms if self.times_ms and self.reference_ms else None

    @property
    def mean(self) -> float | None:
        """Over families, each counted once; None where one was not measured."""
        values = [self.families[name] for name in TEXT_FAMILIES if name in self.families]
        return sum(values) / len(values) if len(values) == len(TEXT_FAMILIES) else None


def merged(kept: Sequence[Point], fresh: Sequence[Point]) -> list[Point]:
    """What was kept of contenders that were not measured again, with what was; in the order first seen."""
    again = {point.name for point in fresh}
    points = [point for point in kept if point.name not in again] + list(fresh)
    order = list(dict.fromkeys(point.name for point in (*kept, *fresh)))
    return sorted(points, key=lambda point: (order.index(point.name), point.pair))


def save(points: Sequence[Point], file: Path) -> None:
    """Keep points, one a line."""
    lines = ",\n".join(json.dumps(asdict(point)) for point in points)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def load(file: Path) -> list[Point]:
    """Points that were kept; none where there is no file yet."""
    if not file.is_file():
        return []
    rows = json.loads(file.read_text(encoding="utf-8"))
    return [Point(**{**row, "pair": tuple(row["pair"])}) for row in rows]


def table(points: Sequence[Point]) -> list[str]:
    """Markdown, contenders in the order given and their sizes from small to large."""
    names = list(TEXT_FAMILIES)
    heads = ["embedder", "size", "parameters", "ms a text", "cost", *names, "mean", "trained by", "date"]
    lines = [
        f"| {' | '.join(heads)} |",
        f"|---|---|--:|--:|--:|{'--:|' * (len(names) + 1)}---|---|",
    ]
    for point in points:
        values = [f"{point.families[name]:.3f}" if name in point.families else "" for name in names]
        count = f"{point.parameters / 1e6:.1f} M" if point.parameters else ""
        time = f"{point.ms:.2f}" if point.times_ms else ""
        cost = f"{point.cost:.3f}" if point.cost is not None else ""
        mean = f"**{point.mean:.3f}**" if point.mean is not None else ""
        row = [point.name, point.size, count, time, cost, *values, mean, point.about, point.date]
        lines.append("| " + " | ".join(row) + " |")
    return lines


def draw(points: Sequence[Point], file: Path) -> None:
    """Mean against cost, a line for each contender; the same points give the same bytes."""
    import matplotlib
    from cycler import cycler
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {"svg.hashsalt": "embedders", "font.size": 9, "text.color": INK}
    style |= {f"{part}color": INK for part in ("axes.edge", "axes.label", "xtick.", "ytick.")}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(8.5, 4.5), layout="constrained")
        axes = figure.subplots()
        colours = matplotlib.rcParams["axes.prop_cycle"]
        axes.set_prop_cycle(cycler(marker=["o", "s", "^"]) * colours)  # after ten, other marks
        for name in dict.fromkeys(point.name for point in points):
            own = sorted((p.cost, p.mean) for p in points if p.name == name and p.cost and p.mean)
            if own:
                axes.plot(*zip(*own, strict=True), markersize=4, linewidth=1, label=name)
        axes.set(xscale="log", xlabel="time a text, all-MiniLM-L6-v2 = 1", ylabel="mean of families")
        figure.legend(loc="outside right center", frameon=False, fontsize=8)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
