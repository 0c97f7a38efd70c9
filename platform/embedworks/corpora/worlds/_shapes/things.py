"""Things that stand on a floor or a table, assembled from convex parts."""

from __future__ import annotations

import numpy as np

from embedworks.corpora.worlds._shapes.parts import ROUND, SECOND, SECTIONS, Part, ball, box, post, turned

Rng = np.random.Generator

# Height and radius from below; turned on a lathe.
PROFILES = {
    "vase": [(0, 0.3), (0.1, 0.34), (0.7, 0.5), (1.1, 0.36), (1.35, 0.2), (1.5, 0.3)],
    "bottle": [(0, 0.28), (0.9, 0.3), (1.15, 0.12), (1.5, 0.09), (1.52, 0.12), (1.58, 0.12)],
    "goblet": [(0, 0.36), (0.06, 0.32), (0.1, 0.06), (0.6, 0.06), (0.75, 0.28), (1.2, 0.4)],
    "candlestick": [
        (0, 0.4),
        (0.1, 0.36),
        (0.16, 0.1),
        (0.6, 0.16),
        (1.1, 0.08),
        (1.2, 0.22),
        (1.26, 0.1),
        (1.7, 0.1),
    ],
    "lighthouse": [
        (0, 0.5),
        (0.15, 0.5),
        (0.16, 0.36),
        (1.5, 0.22),
        (1.51, 0.32),
        (1.58, 0.32),
        (1.59, 0.18),
        (1.85, 0.18),
        (1.86, 0.26),
        (2.1, 0.02),
    ],
    "skittle": [(0, 0.16), (0.5, 0.34), (0.8, 0.28), (1.15, 0.12), (1.3, 0.18), (1.45, 0.15), (1.52, 0.05)],
    "spinning top": [(0, 0.02), (0.55, 0.6), (0.75, 0.56), (0.95, 0.1), (1.25, 0.07)],
    "barrel": [(0, 0.4), (0.3, 0.5), (0.6, 0.54), (0.9, 0.5), (1.2, 0.4)],
    "funnel": [(0, 0.08), (0.5, 0.1), (1.1, 0.6), (1.25, 0.62)],
    "hand bell": [(0, 0.62), (0.12, 0.5), (0.6, 0.32), (0.8, 0.2), (0.85, 0.06), (1.3, 0.1), (1.4, 0.06)],
    "minaret": [
        (0, 0.3),
        (1.6, 0.22),
        (1.61, 0.34),
        (1.7, 0.34),
        (1.71, 0.18),
        (2.1, 0.18),
        (2.2, 0.26),
        (2.35, 0.2),
        (2.6, 0.01),
    ],
    "column": [(0, 0.4), (0.12, 0.4), (0.13, 0.28), (1.6, 0.24), (1.75, 0.4), (1.9, 0.4)],
}


def turned_thing(rng: Rng, section: str, build: str, *, name: str) -> list[Part]:
    """A lathe's work, stretched and swelled at random."""
    tall = {"slender": 1.3, "stocky": 0.8}[build] * rng.uniform(0.92, 1.08)
    swell = rng.uniform(0.88, 1.12, len(PROFILES[name]))
    profile = [(y * tall, max(0.01, r * s)) for (y, r), s in zip(PROFILES[name], swell, strict=True)]
    return turned(profile, SECTIONS[section])


def ladder(rng: Rng, sides: str, rungs: str) -> list[Part]:
    """Rungs between two rails."""
    count = {"six rungs": 6, "nine rungs": 9}[rungs]
    h, w = rng.uniform(1.6, 2.4), rng.uniform(0.4, 0.6)
    above = w * (0.5 if sides == "narrowing" else 1)
    parts = [post((s * w / 2, 0, 0), (s * above / 2, h, 0), 0.04, sides=4) for s in (-1, 1)]
    for share in (np.arange(count) + 0.5) / count:
        half, y = (w + (above - w) * share) / 2, h * share
        parts.append(post((-half, y, 0), (half, y, 0), 0.025, shade=SECOND))
    return parts


def weights(rng: Rng, discs: str, bar: str) -> list[Part]:
    """A bar with a weight at each end."""
    half = {"short bar": 0.35, "long bar": 0.9}[bar] * rng.uniform(0.9, 1.1)
    r, t = rng.uniform(0.2, 0.32), rng.uniform(0.1, 0.2)
    parts = [post((-half - t, 0, 0), (half + t, 0, 0), 0.04, shade=SECOND)]
    for side in (-1, 1):
        if discs == "ball-shaped":
            parts.append(ball((side * half, 0, 0), 0.8 * r))
        else:
            sides = ROUND if discs == "disc-shaped" else 6
            parts.append(post((side * half, 0, 0), (side * (half + t), 0, 0), r, sides=sides))
    return parts


def fir(rng: Rng, tiers: str, section: str) -> list[Part]:
    """Cones on a trunk, the upper ones smaller."""
    count = {"two tiers": 2, "three tiers": 3, "four tiers": 4}[tiers]
    r, h = rng.uniform(0.5, 0.75), rng.uniform(0.5, 0.7)
    parts = [post((0, 0, 0), (0, 0.4, 0), 0.12, shade=SECOND)]
    for tier in range(count):
        y, width = 0.3 + 0.6 * h * tier, r * (1 - 0.22 * tier)
        parts.append(post((0, y, 0), (0, y + h, 0), width, 0.02, SECTIONS[section]))
    return parts


def toadstool(rng: Rng, cap: str, stem: str) -> list[Part]:
    """A cap on a stem."""
    r, h, thick = rng.uniform(0.5, 0.7), rng.uniform(0.5, 0.9), {"thin stem": 0.1, "thick stem": 0.24}[stem]
    parts = [post((0, 0, 0), (0, h, 0), 1.2 * thick, thick, shade=SECOND)]
    if cap == "domed":
        return [
            *parts,
            *turned(
                [(h, r), (h + 0.15, 0.94 * r), (h + 0.32, 0.7 * r), (h + 0.42, 0.3 * r), (h + 0.45, 0.02)]
            ),
        ]
    return [*parts, post((0, h, 0), (0, h + 0.7 * r, 0), r, 0.03)]


def wagon(rng: Rng, body: str, wheels: str) -> list[Part]:
    """A body on wheels."""
    length, r = rng.uniform(1.1, 1.5), rng.uniform(0.16, 0.24)
    axles = {"four wheels": (-0.32, 0.32), "six wheels": (-0.36, 0.0, 0.36)}[wheels]
    parts = [box((0, r + 0.1, 0), (length, 0.12, 0.6))]
    for x in axles:
        for z in (-0.32, 0.32):
            parts.append(post((x * length, r, z - 0.06), (x * length, r, z + 0.06), r, shade=SECOND))
    if body == "open":
        ends = [box((s * length / 2, r + 0.28, 0), (0.05, 0.3, 0.6)) for s in (-1, 1)]
        return [*parts, *ends, *(box((0, r + 0.28, s * 0.3), (length, 0.3, 0.05)) for s in (-1, 1))]
    if body == "tank":
        return [*parts, post((-length / 2, r + 0.4, 0), (length / 2, r + 0.4, 0), 0.29)]
    return [*parts, box((0, r + 0.45, 0), (length, 0.6, 0.62))]


def rocket(rng: Rng, fins: str, build: str) -> list[Part]:
    """A body with a nose and fins."""
    count, h = (
        {"three fins": 3, "four fins": 4}[fins],
        rng.uniform(1.1, 1.4) * {"slender": 1.3, "stocky": 0.8}[build],
    )
    r = rng.uniform(0.2, 0.28)
    parts = turned([(0.1, 0.8 * r), (0.4 * h, r), (0.75 * h, 0.9 * r), (h, 0.5 * r), (1.15 * h, 0.02)])
    parts.append(post((0, 0, 0), (0, 0.12, 0), 0.5 * r, shade=SECOND))
    for angle in np.arange(count) * 2 * np.pi / count + np.pi / 2:
        x, z = np.cos(angle), np.sin(angle)
        parts.append(
            post(
                (2.1 * r * x, -0.1, 2.1 * r * z),
                (0.6 * r * x, 0.4 * h, 0.6 * r * z),
                0.06,
                sides=4,
                shade=SECOND,
            )
        )
    return parts


def figure(rng: Rng, pose: str, head: str) -> list[Part]:
    """A figure of blocks that stands."""
    leg, body, w = rng.uniform(0.5, 0.7), rng.uniform(0.5, 0.6), rng.uniform(0.4, 0.5)
    neck = leg + body
    parts = [box((0, leg + body / 2, 0), (w, body, 0.28))]
    parts += [box((s * w / 4, leg / 2, 0), (0.16, leg + 0.02, 0.18), SECOND) for s in (-1, 1)]
    top = (0, neck + 0.2, 0)
    parts.append(ball(top, 0.2) if head == "round head" else box(top, (0.34, 0.34, 0.3)))
    parts.append(post((0, neck - 0.02, 0), (0, neck + 0.1, 0), 0.07, shade=SECOND))
    hands = {"arms down": (0.12, -0.5), "arms out": (0.5, 0.0), "arms up": (0.25, 0.5)}[pose]
    for s in (-1, 1):
        shoulder = (s * w / 2, neck - 0.08, 0)
        parts.append(
            post(
                shoulder,
                (shoulder[0] + s * hands[0], shoulder[1] + hands[1], 0),
                0.07,
                sides=4,
                shade=SECOND,
            )
        )
    return parts


def mallet(rng: Rng, head: str, handle: str) -> list[Part]:
    """A head on a handle."""
    h, half, r = (
        {"short handle": 0.7, "long handle": 1.3}[handle] * rng.uniform(0.9, 1.1),
        rng.uniform(0.22, 0.34),
        rng.uniform(0.12, 0.18),
    )
    parts = [post((0, 0, 0), (0, h, 0), 0.05, shade=SECOND)]
    return [
        *parts,
        post((-half, h, 0), (half, h, 0), r, sides={"round head": ROUND, "square head": 4}[head]),
    ]


def parasol(rng: Rng, canopy: str, foot: str) -> list[Part]:
    """A canopy on a pole."""
    h, r = rng.uniform(1.4, 1.8), rng.uniform(0.6, 0.9)
    parts = [post((0, 0, 0), (0, h, 0), 0.03, shade=SECOND)]
    parts.append(
        post((0, h - 0.35 * r, 0), (0, h + 0.1, 0), r, 0.02, SECTIONS[canopy.removesuffix(" canopy")])
    )
    if foot == "on a block":
        return [*parts, box((0, 0.06, 0), (0.4, 0.12, 0.4), SECOND)]
    return [*parts, post((0, 0, 0), (0, 0.06, 0), 0.3, shade=SECOND)]


def cone(rng: Rng, foot: str, build: str) -> list[Part]:
    """What closes a road."""
    h, r = {"slender": 1.2, "stocky": 0.7}[build] * rng.uniform(0.9, 1.1), rng.uniform(0.26, 0.34)
    parts = turned([(0.05, r), (0.35 * h, 0.7 * r), (0.65 * h, 0.42 * r), (h, 0.1 * r)])
    if foot == "square foot":
        return [*parts, box((0, 0.04, 0), (3 * r, 0.08, 3 * r), SECOND)]
    return [*parts, post((0, 0, 0), (0, 0.08, 0), 1.5 * r, shade=SECOND)]
