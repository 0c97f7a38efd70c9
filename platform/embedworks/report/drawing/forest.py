"""A forest plot: a line for each model, its difference to the reference and the interval around it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from embedworks.named import short_name
from embedworks.report.data import Difference
from embedworks.report.drawing.svg import Scale, cut, fixed, picture, span, tag

WIDTH, ROW, TOP, BOTTOM = 352, 17, 8, 26
LEFT, RIGHT = 120, 62
ALPHA = 0.05

Rows = Sequence[tuple[str, Difference]]


def forest(rows: Rows, best: str, title: str) -> Markup:
    """Models from the top, with names at the left and differences at the right."""
    height = TOP + ROW * len(rows) + BOTTOM
    ends = [v for _, one in rows for v in (one.value, one.low, one.high) if v is not None]
    scale = Scale(*span(ends, 0.06, zero=True), LEFT, WIDTH - RIGHT)
    bottom = TOP + ROW * len(rows)
    marks = scale.ticks(3)
    grid = [
        tag("line", x1=scale(v), x2=scale(v), y1=TOP, y2=bottom, class_="zero" if v == 0 else "grid")
        for v in marks
    ]
    labels = [
        tag("text", text, x=scale(v), y=bottom + 15, class_="tick middle")
        for v, text in zip(marks, fixed(marks), strict=True)
    ]
    lines = [_row(scale, TOP + ROW * (i + 0.5), *row, best) for i, row in enumerate(rows)]
    said = f"{title}: differences to the reference with intervals"
    return picture(WIDTH, height, said, *grid, *labels, *lines, class_="forest")


def _row(scale: Scale, y: float, model: str, one: Difference, best: str) -> Markup:
    kind = verdict(one)
    parts = []
    if one.low is not None and one.high is not None:
        parts.append(tag("line", x1=scale(one.low), x2=scale(one.high), y1=y, y2=y, class_="whisker"))
    parts.append(tag("circle", cx=scale(one.value), cy=y, r=3.5, class_="point"))
    name = "name end best" if model == best else "name end"
    return tag(
        "g",
        tag("title", in_words(model, one)),
        tag("rect", x=0, y=y - ROW / 2, width=WIDTH, height=ROW, class_="hover"),
        tag("text", cut(short_name(model), 17), x=LEFT - 8, y=y + 4, class_=name),
        *parts,
        tag("text", signed(one.value), x=WIDTH - 4, y=y + 4, class_="number end"),
        class_=f"row {kind}",
    )


def verdict(one: Difference) -> str:
    """``better`` or ``worse`` where it is shown, else ``open``."""
    p = one.holm if one.holm is not None else one.p
    if p is None or p >= ALPHA:
        return "open"
    return "better" if one.value > 0 else "worse"


def signed(value: float, digits: int = 4) -> str:
    """A number with its sign, a real minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def in_words(model: str, one: Difference) -> str:
    """What a reader sees who points at a line."""
    text = f"{short_name(model)}: {signed(one.value)}"
    if one.p is None:
        return f"{text}, no samples to test"
    assert one.low is not None and one.high is not None, "a tested difference has an interval"  # noqa: PT018
    holm = f", Holm {one.holm:.2g}" if one.holm is not None else ""
    return f"{text}, interval {signed(one.low)} to {signed(one.high)}, p {one.p:.2g}{holm}, n {one.n:,}"
