"""Sixteen relations between two objects, each true, false or too close to call.

Only what is true with a margin is a relation, and only what is false with a margin may be said in a false
caption: a picture in which people would disagree proves nothing.
"""

from __future__ import annotations

from embedworks.corpora.worlds._scenes.model import UNSPOKEN, Box, Placed, Scene

Verdict = bool | None  # None: too close to call
Table = dict[tuple[str, int, int], Verdict]  # predicate, subject, object

OPPOSITE = {
    "left of": "right of",
    "above": "below",
    "inside": "around",
    "in front of": "behind",
    "larger than": "smaller than",
}
OPPOSITE |= {right: left for left, right in OPPOSITE.items()}
SYMMETRIC = ("touching", "near", "far from", "same colour as", "level with", "same pattern as")
PREDICATES = tuple(OPPOSITE) + SYMMETRIC
# What replaces a relation in a false caption: members of one family are equally frequent in true ones.
FAMILIES = (
    ("left of", "right of", "above", "below"),
    ("inside", "around"),
    ("in front of", "behind"),
    ("larger than", "smaller than"),
)
# They are about sizes or come more easily with some: sizes beside them would give a false caption away.
ABOUT_SIZE = (*FAMILIES[1], *FAMILIES[2], *FAMILIES[3], "touching", "near", "far from")

SLANT = 1.5  # times farther along the axis than across it: clearly left, right, above or below
NEAR, APART, FAR = 0.08, 0.25, 0.4  # of the picture's side, between boxes
LARGER, ALIKE = 1.5, 1.1  # ratio of the areas of boxes
COVERED = 0.06  # of the smaller object, for one to be in front
WITHIN = 0.6  # of the smaller object's pixels that lie on the larger one


def relate(scene: Scene) -> Table:
    """All verdicts on a scene."""
    table: Table = {}
    for i, subject in enumerate(scene.objects):
        for j, other in enumerate(scene.objects):
            if i < j:
                _judge_pair(table, scene, (i, subject), (j, other))
    return table


def _judge_pair(table: Table, scene: Scene, one: tuple[int, Placed], two: tuple[int, Placed]) -> None:
    """The verdicts both ways."""
    (i, a), (j, b) = one, two
    overlap = scene.overlaps.get((i, j), 0)
    for (s, x), (o, y) in ((one, two), (two, one)):
        table["left of", s, o] = table["right of", o, s] = _before(x.box, y.box, scene.side, 0)
        table["above", s, o] = table["below", o, s] = _before(x.box, y.box, scene.side, 1)
        table["inside", s, o] = table["around", o, s] = _inside(x, y, overlap)
        table["in front of", s, o] = table["behind", o, s] = _in_front(x, y, overlap)
        table["larger than", s, o] = table["smaller than", o, s] = _larger(x, y)
    gap = box_gap(a.box, b.box) / scene.side
    same: dict[str, Verdict] = {
        "touching": _touching(scene.gaps.get((i, j)), overlap, gap),
        "near": _between(gap, NEAR, APART),
        "far from": _between(-gap, -FAR, -APART),
        "level with": _between(abs(centre(a.box, 1) - centre(b.box, 1)) / scene.side, 0.04, 0.15),
        "same colour as": _same(a.thing.colour, b.thing.colour),
        "same pattern as": _same(
            *(None if x.thing.pattern in UNSPOKEN else x.thing.pattern for x in (a, b))
        ),
    }
    for predicate, verdict in same.items():
        table[predicate, i, j] = table[predicate, j, i] = verdict


def centre(box: Box, axis: int) -> float:
    """Of a box, along x (0) or y (1)."""
    return (box[axis] + box[axis + 2]) / 2


def box_gap(a: Box, b: Box) -> float:
    """Pixels between two boxes along the axis that has more of them; 0 where they overlap."""
    return max(0, *(max(a[k], b[k]) - min(a[k + 2], b[k + 2]) for k in (0, 1)))


def _before(a: Box, b: Box, side: int, axis: int) -> Verdict:
    """Whether a ends before b begins, along an axis, and lies mainly in that direction."""
    along = centre(b, axis) - centre(a, axis)
    across = abs(centre(b, 1 - axis) - centre(a, 1 - axis))
    if a[axis + 2] <= b[axis] + 0.02 * side and along >= SLANT * across:
        return True
    return False if along <= max(0.03 * side, 0.25 * across) else None


def _inside(a: Placed, b: Placed, overlap: int) -> Verdict:
    """Whether a is drawn upon b and within its box."""
    width = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    area = (a.box[2] - a.box[0]) * (a.box[3] - a.box[1])
    shared = max(0, width) * max(0, height) / area
    if shared == 1 and a.depth > b.depth and overlap >= WITHIN * a.whole and b.span >= 2 * a.span:
        return True
    return False if shared < 0.5 or a.span > b.span else None


def _in_front(a: Placed, b: Placed, overlap: int) -> Verdict:
    if overlap >= max(4, COVERED * min(a.whole, b.whole)):
        return a.depth > b.depth
    return None if overlap else False


def _larger(a: Placed, b: Placed) -> Verdict:
    """By boxes and by longer sides, so that nobody takes a long thin thing for the smaller."""
    if a.span >= LARGER * b.span and a.length >= ALIKE * b.length:
        return True
    return False if a.span <= ALIKE * b.span and a.length <= ALIKE * b.length else None


def _touching(gap: int | None, overlap: int, box_gap: float) -> Verdict:
    """Whether they meet without covering each other."""
    if overlap:
        return None
    if gap == 0:
        return True
    return False if box_gap > 0.06 else None


def _between(value: float, yes: float, no: float) -> Verdict:
    """True up to ``yes``, false from ``no`` on."""
    return True if value <= yes else False if value >= no else None


def _same(a: str | None, b: str | None) -> Verdict:
    return None if a is None or b is None else a == b
