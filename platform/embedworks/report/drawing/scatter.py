"""Texts in the plane: a point each, a line between two that belong together."""

from __future__ import annotations

from markupsafe import Markup

from embedworks.named import short_name
from embedworks.report.data import EmbeddingMap, Panel
from embedworks.report.drawing.svg import Scale, picture, tag

SIZE, EDGE = 520, 14


def panel(shown: EmbeddingMap, one: Panel) -> Markup:
    """One model's map; the page's script shows the text of the point that is pointed at."""
    across, up = Scale(0, 1, EDGE, SIZE - EDGE), Scale(0, 1, SIZE - EDGE, EDGE)
    places = [(across(x), up(y)) for x, y in one.places]
    joins = [
        tag(
            "line",
            x1=places[a][0],
            y1=places[a][1],
            x2=places[b][0],
            y2=places[b][1],
            class_="join",
            data_a=a,
            data_b=b,
        )
        for a, b in shown.mates
    ]
    last = len(shown.names) - 1
    has_others = not shown.mates and shown.names[last] == "others"
    points = [
        _point(i, place, -1 if has_others and group == last else group, bool(shown.mates))
        for i, (place, group) in enumerate(zip(places, shown.groups, strict=True))
    ]
    label = f"Map of {len(points)} texts of {shown.task} by {short_name(one.model)}"
    return picture(SIZE, SIZE, label, *joins, *points, class_="map")


def _point(i: int, place: tuple[float, float], group: int, is_paired: bool) -> Markup:
    x, y = place
    kind = f"spot g{group}" if group >= 0 else "spot others"
    if is_paired and group == 1:  # told apart without colour, too
        return tag("rect", x=x - 2.8, y=y - 2.8, width=5.6, height=5.6, class_=kind, data_i=i)
    return tag("circle", cx=x, cy=y, r=3.4, class_=kind, data_i=i)
