"""The lineage as a layered graph, from corpora at the left to the registered version at the right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from embedworks.named import short_name
from embedworks.report.data import Lineage, Node
from embedworks.report.drawing.svg import cut, picture, tag

BOX, ROW, COLUMN = 172, 40, 300
SLIM = 26  # a row where names stand alone
Edge = tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes:
        places: Name -> left and middle of its box; of a joint, the joint itself.
        edges: Between names and joints.
        joints: Their names.
        width: Of the whole.
        height: Of the whole.
    """

    places: dict[str, tuple[float, float]]
    edges: tuple[Edge, ...]
    joints: frozenset[str]
    width: float
    height: float


def graph(lineage: Lineage) -> Markup:
    """Boxes and edges; the line of the best model is strong."""
    layout = lay_out(lineage)
    line = set(lineage.line)
    edges = [_edge(layout, edge, _is_strong(layout, edge, line)) for edge in layout.edges]
    edges.sort(key=lambda one: "strong" in one)  # above the others
    boxes = [_box(node, *layout.places[node.name], node.name in line) for node in lineage.nodes]
    label = f"Lineage: {len(lineage.nodes)} corpora and models, {len(lineage.edges)} steps between them"
    return picture(layout.width, layout.height, label, *edges, *boxes, class_="lineage")


def lay_out(lineage: Lineage) -> Layout:
    """Columns by the longest way from a source, rows by the mean of the parents' rows."""
    edges, joints = _bundle(lineage)
    names = [node.name for node in lineage.nodes]
    column = columns(names, lineage.edges)
    rows: dict[int, list[str]] = defaultdict(list)
    for name in names:
        rows[column[name]].append(name)
    heights = {c: len(found) * (ROW if len(found) <= 12 else SLIM) for c, found in rows.items()}
    tall = max(heights.values())
    places: dict[str, tuple[float, float]] = {}
    for c in sorted(rows):
        ordered = sorted(rows[c], key=lambda name: (_pull(name, lineage.edges, places), names.index(name)))
        step = ROW if len(ordered) <= 12 else SLIM
        top = (tall - heights[c]) / 2
        for i, name in enumerate(ordered):
            places[name] = c * COLUMN, 10 + top + (i + 0.5) * step
    for number, joint in enumerate(joints):
        below = [places[end] for start, end in edges if start == joint]
        above = [places[start] for start, end in edges if end == joint]
        middle = sum(y for _, y in [*below, *above]) / len([*below, *above])
        places[joint] = min(x for x, _ in below) - 30 - 9 * (number % 4), middle
    width = max(rows) * COLUMN + BOX + 4
    return Layout(places, tuple(edges), frozenset(joints), width, tall + 20)


def columns(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Name -> edges on the longest way that leads to it; a cycle, which no job has, is cut."""
    above: dict[str, list[str]] = defaultdict(list)
    for start, end in edges:
        above[end].append(start)
    found: dict[str, int] = {}

    def depth(name: str, seen: frozenset[str]) -> int:
        if name not in found:
            parents = [p for p in above[name] if p not in seen]
            found[name] = max((depth(p, seen | {name}) + 1 for p in parents), default=0)
        return found[name]

    for name in names:
        depth(name, frozenset())
    return found


def _bundle(lineage: Lineage) -> tuple[list[Edge], list[str]]:
    """Edges, where things of the same parents share a joint if that makes fewer: 4 + 20 in place of 80.

    What is read of corpora and what is made of models is bundled apart.
    """
    corpora = {node.name for node in lineage.nodes if node.kind in ("corpus", "curate")}
    parents: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for start, end in lineage.edges:
        parents[end, start in corpora].append(start)
    families: dict[frozenset[str], list[str]] = defaultdict(list)
    for (end, _), found in parents.items():
        families[frozenset(found)].append(end)
    edges: list[Edge] = []
    joints: list[str] = []
    for above, below in families.items():
        if len(above) * len(below) <= len(above) + len(below):
            edges += [(start, end) for end in below for start in sorted(above)]
            continue
        joint = f"joint {len(joints)}"
        joints.append(joint)
        edges += [(start, joint) for start in sorted(above)] + [(joint, end) for end in below]
    return edges, joints


def _is_strong(layout: Layout, edge: Edge, line: set[str]) -> bool:
    """Whether an edge leads from one of the line to one of the line, if need be through a joint."""
    start, end = edge
    starts = {a for a, b in layout.edges if b == start} if start in layout.joints else {start}
    ends = {b for a, b in layout.edges if a == end} if end in layout.joints else {end}
    return bool(starts & line and ends & line)


def _pull(name: str, edges: Sequence[Edge], places: dict[str, tuple[float, float]]) -> float:
    above = [places[start][1] for start, end in edges if end == name and start in places]
    return sum(above) / len(above) if above else 0.0


def _edge(layout: Layout, edge: Edge, is_strong: bool) -> Markup:
    (x1, y1), (x2, y2) = (layout.places[name] for name in edge)
    x1 += 0 if edge[0] in layout.joints else BOX
    bend = max(18.0, (x2 - x1) * 0.45)
    path = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return tag("path", d=path, class_="edge strong" if is_strong else "edge")


def _box(node: Node, x: float, y: float, is_strong: bool) -> Markup:
    has_note = bool(node.note) and node.note != node.name
    said = f"{node.kind} {node.name}" + (f" ({node.note})" if has_note else "")
    text = [tag("tspan", cut(short_name(node.name), 21), class_="name")]
    if has_note:
        room = 22 - min(len(short_name(node.name)), 21)
        text += [tag("tspan", f" {cut(node.note, room)}", class_="note")] if room > 4 else []
    return tag(
        "g",
        tag("title", said),
        tag("rect", x=x, y=y - 11, width=BOX, height=22, rx=4),
        tag("text", *text, x=x + 9, y=y + 4),
        class_=f"node {node.kind}" + (" strong" if is_strong else ""),
    )
