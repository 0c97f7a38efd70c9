"""Curves over steps: losses with the learning rate small beneath, scores on the way."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from embedworks.report.data import Curve
from embedworks.report.drawing.svg import Scale, fixed, line, picture, span, tag

WIDTH, HEIGHT, SMALL = 340, 150, 34
LEFT, RIGHT, TOP = 44, 8, 8


def plot(curves: Sequence[Curve], rate: Curve | None, label: str) -> Markup:
    """The first curve strong, others thinner; the rate in a lower plot on the same steps."""
    steps = [x for one in curves for x, _ in one.points]
    across = Scale(min(steps), max(steps), LEFT, WIDTH - RIGHT)
    up = Scale(*span((y for one in curves for _, y in one.points), 0.08), TOP + HEIGHT, TOP)
    parts = list(_grid(up, TOP, TOP + HEIGHT))
    for number, one in enumerate(curves):
        parts += _curve(one, number, across, up)
    bottom = TOP + HEIGHT
    if rate and len(rate.points) > 1:
        parts += _rate(rate, across, bottom + 12)
        bottom += 12 + SMALL
    marks = across.ticks(4)
    parts += [
        tag("text", f"{v:,.0f}", x=across(v), y=bottom + 16, class_="tick middle")
        for v in marks
        if v == int(v)
    ]
    return picture(WIDTH, bottom + 22, label, *parts, class_="curves")


def _grid(up: Scale, top: float, bottom: float) -> list[Markup]:
    marks = up.ticks(4)
    parts = [tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=up(v), y2=up(v), class_="grid") for v in marks]
    parts += [
        tag("text", text, x=LEFT - 6, y=up(v) + 4, class_="tick end")
        for v, text in zip(marks, fixed(marks), strict=True)
    ]
    return [*parts, tag("line", x1=LEFT, x2=LEFT, y1=top, y2=bottom, class_="axis")]


def _curve(curve: Curve, number: int, across: Scale, up: Scale) -> list[Markup]:
    places = [(across(x), up(y)) for x, y in curve.points]
    parts = [tag("path", tag("title", curve.name), d=line(places), class_=f"curve c{number}")]
    if len(places) <= 12:
        parts += [
            tag(
                "circle",
                tag("title", f"{curve.name}, step {x:,.0f}: {y:.4g}"),
                cx=px,
                cy=py,
                r=3,
                class_=f"dot c{number}",
            )
            for (px, py), (x, y) in zip(places, curve.points, strict=True)
        ]
    return parts


def _rate(rate: Curve, across: Scale, top: float) -> list[Markup]:
    high = max(y for _, y in rate.points)
    up = Scale(0, high or 1.0, top + SMALL, top)
    places = [(across(x), up(y)) for x, y in rate.points]
    base = [(places[-1][0], top + SMALL), (places[0][0], top + SMALL)]
    return [
        tag("path", tag("title", "learning rate"), d=line([*places, *base]) + "Z", class_="rate"),
        tag("text", f"{high:.0e}".replace("e-0", "e−"), x=LEFT - 6, y=top + 9, class_="tick end"),
        tag("text", "rate", x=LEFT - 6, y=top + SMALL, class_="tick end"),
    ]
