"""Heat map of layers by dimensions in one hue, with numbers; quality against cost."""

from __future__ import annotations

from markupsafe import Markup

from embedworks.named import short_name
from embedworks.report.data import CostPoint, GridMap
from embedworks.report.drawing.svg import Scale, cut, fixed, line, picture, span, tag

CELL_WIDTH, CELL_HEIGHT, LEFT, TOP = 62, 30, 34, 22
WIDTH, HEIGHT = 720, 360
PLOT_LEFT, PLOT_RIGHT, PLOT_TOP, PLOT_BOTTOM = 48, 16, 20, 44
NAMES = 0.3  # of the width, for names at the left: above and left of the front there is nothing


def heat(grid: GridMap) -> Markup:
    """Layers downwards, dimensions across; the stronger the colour, the higher the score."""
    known = [v for row in grid.values for v in row if v is not None]
    depth = Scale(min(known), max(known), 6, 56)  # up to where letters stay readable
    parts = [
        tag("text", f"{d:,}", x=LEFT + CELL_WIDTH * (c + 0.5), y=TOP - 7, class_="tick middle")
        for c, d in enumerate(grid.dimensions)
    ]
    for r, layers in enumerate(grid.layers):
        y = TOP + CELL_HEIGHT * r
        parts.append(tag("text", layers, x=LEFT - 8, y=y + 19, class_="tick end"))
        parts += [
            _cell(LEFT + CELL_WIDTH * c, y, v, depth(v))
            for c, v in enumerate(grid.values[r])
            if v is not None
        ]
    width, height = LEFT + CELL_WIDTH * len(grid.dimensions), TOP + CELL_HEIGHT * len(grid.layers)
    label = f"Mean score of {short_name(grid.model)} by layers and dimensions"
    return picture(width + 2, height + 2, label, *parts, class_="heat")


def _cell(x: float, y: float, value: float, depth: float) -> Markup:
    return tag(
        "g",
        tag(
            "rect",
            x=x + 1,
            y=y + 1,
            width=CELL_WIDTH - 2,
            height=CELL_HEIGHT - 2,
            rx=3,
            style=f"--depth:{depth:.0f}%",
        ),
        tag("text", f"{value:.3f}", x=x + CELL_WIDTH / 2, y=y + 19, class_="middle"),
    )


def pareto(points: tuple[CostPoint, ...], by: str) -> Markup:
    """Quality over ``milliseconds`` or ``parameters``; what none beats is joined and named."""
    unit = 1.0 if by == "milliseconds" else 1e6
    costs = {one: getattr(one, by) / unit for one in points}
    low, high = span(costs.values(), 0.06)
    across = Scale(low - NAMES * (high - low), high, PLOT_LEFT, WIDTH - PLOT_RIGHT)
    up = Scale(*span((one.quality for one in points), 0.08), HEIGHT - PLOT_BOTTOM, PLOT_TOP)
    front = sorted((one for one in points if one.on_front), key=lambda one: costs[one])
    parts = _axes(across, up, "milliseconds for a text" if unit == 1.0 else "million weights")
    parts.append(
        tag("path", d=line([(across(costs[one]), up(one.quality)) for one in front]), class_="front")
    )
    for one in points:
        kind = "point front" if one.on_front else "point"
        price = f"{one.milliseconds:.2f} ms, {one.parameters / 1e6:.1f} million weights"
        said = f"{cost_name(one)}: {one.quality:.4f}, {price}"
        parts.append(
            tag("circle", tag("title", said), cx=across(costs[one]), cy=up(one.quality), r=4.5, class_=kind)
        )
    used: list[float] = []
    for one in reversed(front):  # the best first; a name that would cover another is left out
        y = up(one.quality)
        if all(abs(y - other) > 13 for other in used):
            used.append(y)
            text = cut(cost_name(one), 28)
            parts.append(tag("text", text, x=across(costs[one]) - 8, y=y - 3, class_="name end"))
    return picture(
        WIDTH, HEIGHT, "Mean score against cost; the Pareto front is joined", *parts, class_="pareto"
    )


def cost_name(one: CostPoint) -> str:
    """A model and the pair that it is read at."""
    return f"{short_name(one.model)} {one.layers}×{one.dimensions}"


def _axes(across: Scale, up: Scale, unit: str) -> list[Markup]:
    bottom = HEIGHT - PLOT_BOTTOM
    rows = up.ticks(5)
    columns = [v for v in across.ticks(6) if v >= 0]
    parts = [
        tag("line", x1=PLOT_LEFT, x2=WIDTH - PLOT_RIGHT, y1=up(v), y2=up(v), class_="grid") for v in rows
    ]
    parts += [
        tag("text", text, x=PLOT_LEFT - 8, y=up(v) + 4, class_="tick end")
        for v, text in zip(rows, fixed(rows), strict=True)
    ]
    parts += [
        tag("text", text, x=across(v), y=bottom + 18, class_="tick middle")
        for v, text in zip(columns, fixed(columns), strict=True)
    ]
    middle = (PLOT_LEFT + WIDTH - PLOT_RIGHT) / 2
    parts.append(tag("text", unit, x=middle, y=bottom + 36, class_="tick middle"))
    return [*parts, tag("line", x1=PLOT_LEFT, x2=WIDTH - PLOT_RIGHT, y1=bottom, y2=bottom, class_="axis")]
