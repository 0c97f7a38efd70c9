"""SVG elements, escaped, and scales from values to places."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """An element. ``class_`` is ``class``, underscores are hyphens, None leaves an attribute out.

    Example:
        >>> str(tag("text", "a < b", class_="name", x=1.50))
        '<text class="name" x="1.5">a &lt; b</text>'
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is not None:
            parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"')
    inner = Markup("").join(escape(one) for one in content)
    return Markup("".join(parts)) + Markup(">") + inner + Markup(f"</{name}>")


def picture(width: float, height: float, label: str, *content: object, class_: str = "") -> Markup:
    """An ``svg`` of that size, which shrinks with the page, with a label for those who do not see it."""
    return tag(
        "svg",
        tag("title", label),
        *content,
        class_=class_ or None,
        viewBox=f"0 0 {_short(width)} {_short(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
    )


@dataclass(frozen=True)
class Scale:
    """Values from ``low`` to ``high``, in places from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        span = self.high - self.low
        return self.start + (self.end - self.start) * ((value - self.low) / span if span else 0.5)

    def ticks(self, count: int = 4) -> list[float]:
        """About so many round values within."""
        return ticks(self.low, self.high, count)


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round values between two, about so many.

    Example:
        >>> ticks(0, 1, 4)
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low]
    rough = span / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * one for one in STEPS if power * one >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, math.floor(high / step + 1e-9) + 1)]


def span(values: Iterable[float], room: float = 0.05, zero: bool = False) -> tuple[float, float]:
    """The least and the greatest value with some room; with 0 among them if ``zero``."""
    found = [value for value in values if math.isfinite(value)] + ([0.0] if zero else [])
    if not found:
        return 0.0, 1.0
    low, high = min(found), max(found)
    more = (high - low) * room or abs(high) * room or 1.0
    return low - more, high + more


def line(points: Sequence[tuple[float, float]]) -> str:
    """Places as a path."""
    return "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points)


def fixed(values: Sequence[float]) -> list[str]:
    """Numbers of an axis with equally many digits, as few as tell them apart.

    Example:
        >>> fixed([0, 0.25, 0.5])
        ['0.00', '0.25', '0.50']
    """
    for digits in range(6):
        shown = [f"{value:.{digits}f}" for value in values]
        if all(abs(float(one) - value) < 1e-9 for one, value in zip(shown, values, strict=True)):
            break
    return ["0" if float(one) == 0 and digits == 0 else one.replace("-", "−") for one in shown]


def cut(text: str, most: int) -> str:
    """At most so many characters, the last one an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
