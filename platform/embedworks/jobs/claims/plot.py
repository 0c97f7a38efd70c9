"""The plot of a claim: every arm's values and interval, as an SVG for light and dark pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedworks.errors import InputError
from embedworks.jobs.claims.records import Record
from embedworks.jobs.claims.schema import Claim

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#7a828e"  # grey that is read on white and on black
COLOURS = {"system": "#2f81f7", "baseline": "#d97706"}


def plot_record(claim: Claim, found: Record, file: Path) -> None:
    """Draw the measures that the rule is about, one panel each; the same record gives the same bytes.

    Raises:
        InputError: without matplotlib.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise InputError("the plot needs matplotlib", expected="pip install embedworks[worlds]") from error
    from matplotlib.figure import Figure

    names = shown_measures(claim, found)
    arms = list(reversed(found.arms))
    style: dict[Any, Any] = {
        "svg.hashsalt": found.slug,
        "text.color": INK,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "font.size": 9,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(2.2 + 2.1 * len(names), 0.9 + 0.34 * len(arms)), layout="constrained")
        panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            _draw(axes, name, claim, found, arms)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def shown_measures(claim: Claim, found: Record) -> list[str]:
    """The measures of the rule, in the claim's order, that any arm has."""
    conditions = (*claim.rule.reproduced, *claim.rule.not_reproduced)
    asked = {condition.measure for condition in conditions}
    return [
        name for name in claim.measures if name in asked and any(name in r for r in found.arms.values())
    ]


def _draw(axes: Axes, name: str, claim: Claim, found: Record, arms: list[str]) -> None:
    for height, arm in enumerate(arms):
        if (row := found.arms[arm].get(name)) is None:
            continue
        colour = COLOURS[claim.arms[arm].role]
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [height] * 2, color=colour, linewidth=1, alpha=0.6)
        values = list(row.values.values())
        axes.plot(values, [height] * len(values), "o", color=colour, markersize=3.5, alpha=0.6)
        axes.plot([row.mean], [height], "|", color=colour, markersize=13, markeredgewidth=2)
    axes.set_yticks(range(len(arms)), arms)
    axes.set_ylim(-0.6, len(arms) - 0.4)
    axes.set_title(name, fontsize=9)
    axes.grid(axis="x", color=INK, alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
