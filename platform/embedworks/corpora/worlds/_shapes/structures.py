"""What is built outdoors: bridges, mills, fences, seats, signs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from embedworks.corpora.worlds._shapes.parts import ROUND, SECOND, SECTIONS, Part, ball, box, post

Rng = np.random.Generator


def fence(rng: Rng, tops: str, pickets: str) -> list[Part]:
    """Pickets on two rails."""
    count = {"five pickets": 5, "eight pickets": 8}[pickets]
    h, w = rng.uniform(0.8, 1.1), rng.uniform(1.5, 1.9)
    parts = [box((0, y * h, -0.05), (w, 0.08, 0.06), SECOND) for y in (0.25, 0.75)]
    width = 0.6 * w / count
    for x in (np.arange(count) + 0.5) / count * w - w / 2:
        parts.append(box((x, h / 2, 0), (width, h, 0.06)))
        if tops == "pointed":
            parts.append(post((x, h, 0), (x, h + width, 0), 0.7 * width, 0, sides=4))
    return parts


def stairs(rng: Rng, below: str, rail: str) -> list[Part]:
    """Steps that rise to the right."""
    count, rise, run, d = (
        int(rng.integers(4, 8)),
        rng.uniform(0.16, 0.22),
        rng.uniform(0.24, 0.32),
        rng.uniform(0.7, 1.1),
    )
    parts = []
    for step in range(count):
        y, x = (step + 1) * rise, step * run
        h = y if below == "solid" else 0.06
        parts.append(box((x, y - h / 2, 0), (run + 0.01, h, d)))
    if rail == "with a handrail":
        ends = [(0, rise), ((count - 1) * run, count * rise)]
        parts += [
            post((x, y - 0.01, d / 2 - 0.05), (x, y + 0.8, d / 2 - 0.05), 0.03, shade=SECOND)
            for x, y in ends
        ]
        low, high = ((x, y + 0.8, d / 2 - 0.05) for x, y in ends)
        parts.append(post(low, high, 0.035, shade=SECOND))
    return parts


def signpost(rng: Rng, boards: str, pole: str) -> list[Part]:
    """Boards on a pole, pointing left and right in turn."""
    count = {"one board": 1, "two boards": 2, "three boards": 3}[boards]
    h, length = rng.uniform(1.6, 2.0), rng.uniform(0.6, 0.8)
    parts = [post((0, 0, 0), (0, h, 0), 0.05, sides=ROUND if pole == "round pole" else 4, shade=SECOND)]
    for board in range(count):
        side, y = (1, -1)[board % 2], h - 0.15 - 0.3 * board
        parts.append(box((side * length / 2, y, 0.05), (length, 0.22, 0.05)))
        parts.append(post((side * length, y, 0.05), (side * (length + 0.14), y, 0.05), 0.13, 0.01, sides=4))
    return parts


def archway(rng: Rng, above: str, pillars: str) -> list[Part]:
    """Two pillars with a beam or a gable over them."""
    h, w, r = rng.uniform(1.3, 1.9), rng.uniform(0.9, 1.3), rng.uniform(0.09, 0.15)
    sides = ROUND if pillars == "round pillars" else 4
    parts = [post((s * w / 2, 0, 0), (s * w / 2, h, 0), r, sides=sides, shade=SECOND) for s in (-1, 1)]
    if above == "straight beam":
        return [*parts, box((0, h + 0.1, 0), (w + 0.6, 0.2, 0.3))]
    peak = (0, h + rng.uniform(0.35, 0.55), 0)
    return [*parts, *(post((s * (w / 2 + 0.2), h, 0), peak, 0.13, sides=4) for s in (-1, 1))]


def water_tower(rng: Rng, tank: str, legs: str) -> list[Part]:
    """A tank on legs."""
    h, r = rng.uniform(0.9, 1.4), rng.uniform(0.4, 0.55)
    count = {"three legs": 3, "four legs": 4}[legs]
    parts = []
    for angle in np.arange(count) * 2 * np.pi / count + 0.6:
        x, z = r * np.cos(angle), r * np.sin(angle)
        parts.append(post((1.1 * x, 0, 1.1 * z), (0.7 * x, h + 0.05, 0.7 * z), 0.04, shade=SECOND))
    if tank == "ball-shaped tank":
        return [*parts, ball((0, h + 0.6 * r, 0), 1.1 * r)]
    return [
        *parts,
        post((0, h, 0), (0, h + 0.7, 0), r),
        post((0, h + 0.69, 0), (0, h + 1, 0), 1.05 * r, 0.02),
    ]


def picnic_table(rng: Rng, seats: str, frame: str) -> list[Part]:
    """A table with benches on both sides."""
    w, y = rng.uniform(1.3, 1.7), rng.uniform(0.7, 0.8)
    parts = [box((0, y, 0), (w, 0.06, 0.7))]
    for z in (-0.6, 0.6) if seats == "two benches" else (0.6,):
        parts.append(box((0, 0.42, z), (w, 0.05, 0.26)))
    for x in (-0.35 * w, 0.35 * w):
        parts.append(box((x, 0.38, 0), (0.07, 0.07, 1.4), SECOND))
        foot = 0.45 if frame == "splayed frame" else 0.2
        parts += [post((x, 0, s * foot), (x, y, s * 0.2), 0.05, sides=4, shade=SECOND) for s in (-1, 1)]
    return parts


def swing(rng: Rng, seats: str, frame: str) -> list[Part]:
    """Seats that hang from a beam."""
    count, h = {"one seat": 1, "two seats": 2}[seats], rng.uniform(1.5, 1.9)
    w, out = 0.5 + 0.6 * count, {"splayed frame": 0.5, "narrow frame": 0.2}[frame]
    parts = [post((-w / 2, h, 0), (w / 2, h, 0), 0.05)]
    for x in (-w / 2, w / 2):
        parts += [post((x, 0, s * out), (x, h, 0), 0.05, shade=SECOND) for s in (-1, 1)]
    for middle in (np.arange(count) - (count - 1) / 2) * 0.6:
        parts.append(box((middle, 0.45, 0), (0.4, 0.05, 0.22)))
        parts += [post((middle + x, 0.45, 0), (middle + x, h, 0), 0.012, sides=4) for x in (-0.17, 0.17)]
    return parts


def footbridge(rng: Rng, deck: str, rail: str) -> list[Part]:
    """A deck on piers."""
    w, h = rng.uniform(1.8, 2.4), rng.uniform(0.4, 0.7)
    bend = rng.uniform(0.25, 0.4) if deck == "arched" else 0.0
    xs = np.linspace(-w / 2, w / 2, 9)
    ys = h + bend * (1 - (2 * xs / w) ** 2)
    parts = [box((x, y, 0), (w / 8 + 0.02, 0.1, 0.6)) for x, y in zip(xs, ys, strict=True)]
    for k in (1, 7):
        parts.append(box((xs[k], ys[k] / 2, 0), (0.14, ys[k], 0.5), SECOND))
    if rail == "with handrails":
        for z in (-0.28, 0.28):
            tops = [(x, y + 0.3, z) for x, y in zip(xs, ys, strict=True)]
            parts += [post(a, b, 0.025, shade=SECOND) for a, b in pairwise(tops)]
            parts += [post((x, y - 0.3, z), (x, y, z), 0.02, shade=SECOND) for x, y, _ in tops[::2]]
    return parts


def windmill(rng: Rng, sails: str, house: str) -> list[Part]:
    """A tower with sails in front."""
    count = {"three sails": 3, "four sails": 4, "six sails": 6}[sails]
    h, r, length = rng.uniform(1.3, 1.7), rng.uniform(0.35, 0.45), rng.uniform(0.7, 0.9)
    sides = {"round tower": ROUND, "four-sided tower": 4}[house]
    parts = [post((0, 0, 0), (0, h, 0), r, 0.65 * r, sides, SECOND)]
    parts.append(post((0, h - 0.01, 0), (0, h + 0.35, 0), 0.75 * r, 0.02, sides))
    parts.append(post((0, h, 0), (0, h, r + 0.12), 0.06, shade=SECOND))
    start = rng.uniform(0, 2 * np.pi / count)
    for angle in start + np.arange(count) * 2 * np.pi / count:
        x, y = np.cos(angle), np.sin(angle)
        parts.append(post((0, h, r + 0.08), (length * x, h + length * y, r + 0.08), 0.04, 0.12, sides=4))
    return parts


def hut(rng: Rng, roof: str, chimney: str) -> list[Part]:
    """Walls below a roof."""
    w, h, d = rng.uniform(0.8, 1.2), rng.uniform(0.5, 0.8), rng.uniform(0.7, 1.0)
    parts = [box((0, h / 2, 0), (w, h, d), SECOND), box((0.15 * w, 0.3 * h, d / 2), (0.2, 0.6 * h, 0.04))]
    rise = rng.uniform(0.3, 0.5)
    if roof == "pointed roof":
        parts.append(post((0, h - 0.01, 0), (0, h + rise, 0), 0.75 * max(w, d), 0.02, sides=4))
    elif roof == "flat roof":
        parts.append(box((0, h + 0.04, 0), (w + 0.2, 0.08, d + 0.2)))
    else:
        steps = np.linspace(0, 1, 6)[:-1]
        parts += [
            box((0, h + rise * s, 0), ((w + 0.2) * (1 - 0.9 * s), rise / 5 + 0.01, d + 0.15)) for s in steps
        ]
    return (
        parts
        if chimney == "without a chimney"
        else [*parts, box((-0.28 * w, h + 0.35, 0), (0.14, 0.6, 0.14), SECOND)]
    )


def steps_pyramid(rng: Rng, layers: str, section: str) -> list[Part]:
    """Slabs on top of each other, each smaller."""
    count = {"three layers": 3, "four layers": 4, "five layers": 5}[layers]
    t, r = rng.uniform(0.14, 0.24), rng.uniform(0.8, 1.0)
    sides = SECTIONS[section]
    return [
        post((0, k * t, 0), (0, (k + 1) * t + 0.01, 0), r * (1 - k / (count + 0.5)), sides=sides)
        for k in range(count)
    ]
