"""Furniture: tops on legs, seats with backs, cases with shelves, lamps."""

from __future__ import annotations

import numpy as np

from embedworks.corpora.worlds._shapes.parts import SECOND, Part, ball, box, post

Rng = np.random.Generator


def table(
    rng: Rng, top: str, legs: str, *, height: tuple[float, float], width: tuple[float, float]
) -> list[Part]:
    """A top on legs."""
    y, w = rng.uniform(*height), rng.uniform(*width)
    d = w * (rng.uniform(0.5, 0.7) if top == "oblong top" else 1)
    return [*_top(top, y, w, d, rng.uniform(0.03, 0.08)), *_legs(rng, legs, y, w, d)]


def chair(
    rng: Rng,
    back: str,
    legs: str,
    *,
    height: tuple[float, float],
    width: tuple[float, float],
    arms: bool = False,
) -> list[Part]:
    """A seat with a back, and arms if asked for."""
    y, w = rng.uniform(*height), rng.uniform(*width)
    d, t = rng.uniform(0.42, 0.52), rng.uniform(0.04, 0.09)
    tall = rng.uniform(0.35, 0.6)
    parts = [box((0, y, 0), (w, t, d)), *_legs(rng, legs, y, w, d), *_back(back, y, tall, w, -d / 2 + 0.03)]
    if arms:
        for x in (-w / 2 + 0.03, w / 2 - 0.03):
            parts.append(box((x, y + 0.2, 0.02), (0.07, 0.05, d), SECOND))
            parts.append(box((x, y + 0.1, d / 2 - 0.06), (0.05, 0.22, 0.05), SECOND))
    return parts


def bench(rng: Rng, back: str, legs: str) -> list[Part]:
    """A wide chair."""
    return chair(rng, back, legs, height=(0.4, 0.48), width=(1.2, 1.7))


def sofa(rng: Rng, seats: str, legs: str) -> list[Part]:
    """A block to sit on, with a back and arms of its own width."""
    count = {"two seats": 2, "three seats": 3}[seats]
    w, d, y = count * rng.uniform(0.55, 0.7), rng.uniform(0.7, 0.9), rng.uniform(0.35, 0.45)
    foot = 0.1 if legs == "on feet" else 0.0
    back, arm = rng.uniform(0.3, 0.5), rng.uniform(0.12, 0.2)
    parts = [
        box((0, foot + y / 2, 0), (w, y, d)),
        box((0, foot + (y + back) / 2, -d / 2), (w, y + back, 0.2), SECOND),
    ]
    for side in (-1, 1):
        parts.append(box((side * (w + arm) / 2, foot + (y + 0.2) / 2, 0), (arm + 0.01, y + 0.2, d), SECOND))
    if foot:
        parts += [
            post((x, 0, z), (x, foot + 0.05, z), 0.04) for x in (-w / 2, w / 2) for z in (-d / 3, d / 3)
        ]
    return parts


def bed(rng: Rng, head: str, legs: str, *, storeys: int = 1) -> list[Part]:
    """A mattress between a head and a foot, or two of them above each other."""
    w, length = rng.uniform(0.9, 1.6) if storeys == 1 else 0.9, rng.uniform(1.9, 2.1)
    y = rng.uniform(0.3, 0.5)
    floors = [y + 1.1 * storey for storey in range(storeys)]
    parts = [box((0, one, 0), (w, 0.22, length)) for one in floors]
    tall = floors[-1] + rng.uniform(0.35, 0.6)
    radius = 0.05 if legs == "thick posts" else 0.03
    for z, top in ((-length / 2, tall), (length / 2, tall if storeys > 1 else y + 0.2)):
        parts += [post((x, 0, z), (x, top, z), radius, shade=SECOND) for x in (-w / 2, w / 2)]
        parts += _back(head, floors[-1], top - floors[-1], w, z)
    return parts


def shelf(rng: Rng, back: str, boards: str) -> list[Part]:
    """Boards between two sides."""
    count = {"three boards": 3, "four boards": 4, "five boards": 5}[boards]
    w, h, d = rng.uniform(0.6, 1.2), count * rng.uniform(0.32, 0.42), rng.uniform(0.25, 0.4)
    parts = [box((0, y, 0), (w, 0.035, d)) for y in np.linspace(0.03, h, count + 1)]
    if back == "open frame":
        corners = [(x, z) for x in (-w / 2, w / 2) for z in (-d / 2, d / 2)]
        return parts + [post((x, 0, z), (x, h + 0.05, z), 0.03, sides=4, shade=SECOND) for x, z in corners]
    parts += [box((x, h / 2, 0), (0.04, h + 0.06, d + 0.01), SECOND) for x in (-w / 2, w / 2)]
    return parts + ([box((0, h / 2, -d / 2), (w, h, 0.02), SECOND)] if back == "closed back" else [])


def cabinet(
    rng: Rng, fronts: str, legs: str, *, height: tuple[float, float], width: tuple[float, float]
) -> list[Part]:
    """A case whose fronts stand out, with knobs."""
    h, w, d = rng.uniform(*height), rng.uniform(*width), rng.uniform(0.4, 0.55)
    foot = 0.14 if legs == "on feet" else 0.0
    parts = [box((0, foot + h / 2, 0), (w, h, d), SECOND)]
    columns, rows = {"two doors": (2, 1), "drawers": (1, 3), "doors and drawers": (2, 2)}[fronts]
    step_x, step_y = w / columns, h / rows
    for column in range(columns):
        for row in range(rows):
            x, y = (column + 0.5) * step_x - w / 2, foot + (row + 0.5) * step_y
            parts.append(box((x, y, d / 2), (step_x - 0.04, step_y - 0.04, 0.04)))
            parts.append(ball((x, y, d / 2 + 0.03), 0.03, SECOND))
    if foot:
        places = [(x, z) for x in (-w / 2 + 0.05, w / 2 - 0.05) for z in (-d / 2 + 0.05, d / 2 - 0.05)]
        parts += [post((x, 0, z), (x, foot + 0.02, z), 0.03) for x, z in places]
    return parts


def desk(rng: Rng, legs: str, drawers: str) -> list[Part]:
    """A table with drawers below on one side or on both."""
    y, w, d = rng.uniform(0.7, 0.8), rng.uniform(1.2, 1.7), rng.uniform(0.55, 0.75)
    parts = [*_top("oblong", y, w, d, 0.05), *_legs(rng, legs, y, w, d)]
    for side in (-1, 1) if drawers == "drawers on both sides" else (1,):
        x = side * (w / 2 - 0.24)
        parts.append(box((x, y - 0.24, 0), (0.36, 0.46, d - 0.1), SECOND))
        for row in range(3):
            parts.append(box((x, y - 0.1 - 0.14 * row, d / 2 - 0.05), (0.3, 0.11, 0.04)))
    return parts


def lamp(rng: Rng, shade: str, stem: str, *, height: tuple[float, float], spread: float) -> list[Part]:
    """A shade on a stem on a foot."""
    h, r = rng.uniform(*height), spread * rng.uniform(0.8, 1.2)
    parts = [post((0, 0, 0), (0, 0.04, 0), r * 0.9, shade=SECOND)]
    middle = (0.3 * r, h / 2, 0) if stem == "bent stem" else (0, h / 2, 0)
    parts += [post(a, b, 0.025, shade=SECOND) for a, b in (((0, 0, 0), middle), (middle, (0, h, 0)))]
    if shade == "conical shade":
        return [*parts, post((0, h - r, 0), (0, h + 0.3 * r, 0), 1.2 * r, 0.5 * r)]
    if shade == "straight shade":
        return [*parts, post((0, h - 0.7 * r, 0), (0, h + 0.5 * r, 0), r)]
    return [*parts, ball((0, h, 0), r)]


def coat_rack(rng: Rng, hooks: str, foot: str) -> list[Part]:
    """A pole with hooks around its top."""
    h, count = rng.uniform(1.6, 1.9), {"four hooks": 4, "six hooks": 6}[hooks]
    parts = [post((0, 0, 0), (0, h, 0), 0.035)]
    for angle in np.arange(count) * 2 * np.pi / count:
        x, z = np.cos(angle), np.sin(angle)
        parts.append(post((0, h - 0.2, 0), (0.2 * x, h, 0.2 * z), 0.02, shade=SECOND))
        if foot == "on feet":
            parts.append(post((0, 0.3, 0), (0.35 * x, 0, 0.35 * z), 0.025, shade=SECOND))
    return parts if foot == "on feet" else [*parts, post((0, 0, 0), (0, 0.06, 0), 0.28, shade=SECOND)]


def _top(top: str, y: float, w: float, d: float, t: float) -> list[Part]:
    if top == "round top":
        return [post((0, y, 0), (0, y + t, 0), w / 2)]
    return [box((0, y + t / 2, 0), (w, t, d))]


def _legs(rng: Rng, legs: str, y: float, w: float, d: float) -> list[Part]:
    r, top = rng.uniform(0.02, 0.04), y + 0.01
    if legs == "one foot":
        spread = 0.3 * min(w, d)
        return [post((0, 0, 0), (0, 0.05, 0), spread), post((0, 0, 0), (0, top, 0), 1.5 * r, shade=SECOND)]
    if legs == "side panels":
        return [box((x, top / 2, 0), (0.05, top, 0.6 * d), SECOND) for x in (-0.36 * w, 0.36 * w)]
    # Within a round top, too.
    spread = 0.34
    out = 1.3 if legs == "splayed legs" else 1.0
    corners = [(x * spread * w, z * spread * d) for x in (-1, 1) for z in (-1, 1)]
    return [post((out * x, 0, out * z), (x, top, z), r, 1.2 * r, shade=SECOND) for x, z in corners]


def _back(back: str, y: float, tall: float, w: float, z: float) -> list[Part]:
    if back == "closed back":
        return [box((0, y + tall / 2, z), (w, tall, 0.05), SECOND)]
    sides = [post((x, y, z), (x, y + tall, z), 0.03, shade=SECOND) for x in (-w / 2 + 0.03, w / 2 - 0.03)]
    if back == "low rail":
        return [*sides, box((0, y + tall - 0.08, z), (w, 0.16, 0.05), SECOND)]
    slats = [post((x, y, z), (x, y + tall, z), 0.02, shade=SECOND) for x in np.linspace(-w / 3, w / 3, 4)]
    return [*sides, *slats, box((0, y + tall - 0.03, z), (w, 0.06, 0.06), SECOND)]
