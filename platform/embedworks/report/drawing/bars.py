"""Shares by layer as small bars, in a figure or in a table's cell."""

from __future__ import annotations

from markupsafe import Markup

from embedworks.report.data import Points
from embedworks.report.drawing.svg import picture, tag

BAR, GAP, HEIGHT = 26, 6, 96
SPARK_BAR, SPARK_HEIGHT = 7, 18


def layer_bars(points: Points, label: str) -> Markup:
    """A bar for each layer with its share above; layer 0 is what stands before the layers."""
    bar = min(BAR, max(6.0, 340 / max(len(points), 1) - GAP))
    width = len(points) * (bar + GAP) + GAP
    has_room = bar >= 22
    parts = []
    for i, (layer, share) in enumerate(points):
        x, high = GAP + i * (bar + GAP), HEIGHT * max(0.0, min(1.0, share))
        top = 14 + HEIGHT - high
        said = f"{_layer(layer)}: {share:.1%}"
        parts.append(
            tag("rect", tag("title", said), x=x, y=top, width=bar, height=high, rx=2, class_="bar")
        )
        if has_room:
            parts.append(tag("text", f"{100 * share:.0f}", x=x + bar / 2, y=top - 3, class_="tick middle"))
        name = "emb" if layer == 0 else f"{layer:.0f}"
        if has_room or i % 4 == 0:
            parts.append(tag("text", name, x=x + bar / 2, y=HEIGHT + 28, class_="tick middle"))
    return picture(width, HEIGHT + 34, label, *parts, class_="bars")


def spark(points: Points, label: str) -> Markup:
    """The same, as high as a line of text."""
    parts = [
        tag(
            "rect",
            x=i * SPARK_BAR,
            y=SPARK_HEIGHT - max(1.0, SPARK_HEIGHT * share),
            width=SPARK_BAR - 2,
            height=max(1.0, SPARK_HEIGHT * share),
            class_="bar",
        )
        for i, (_, share) in enumerate(points)
    ]
    said = f"{label}: " + ", ".join(f"{_layer(layer)} {share:.0%}" for layer, share in points)
    return picture(len(points) * SPARK_BAR, SPARK_HEIGHT, said, *parts, class_="spark")


def _layer(layer: float) -> str:
    return "embeddings" if layer == 0 else f"layer {layer:.0f}"
