"""What a scene is made of: things (what), placed objects (where), and the scene they stand in."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedworks.corpora.worlds._scenes.vocabulary import Concept

SIZES = ("small", "medium", "large")
PATTERNS = ("plain", "striped", "dotted", "checkered")
STATES = ("upright", "upside-down", "tilted", "outlined", "broken")
UNSPOKEN = ("medium", "plain", "upright")  # what goes without saying
ATTRIBUTES = ("size", "state", "pattern", "colour")  # in the order that English has them

Box = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels, the last two exclusive


@dataclass(frozen=True)
class Thing:
    """What is to be drawn.

    Attributes:
        concept: What it is.
        kind: "emoji" or "icon".
        key: The emoji's hexcode, or "font:name" of the icon.
        colour: One of the named colours; None if it keeps its own.
        pattern: One of :data:`PATTERNS`.
        state: One of :data:`STATES`.
        mark: Whether it is the small mark that is the picture's class.
    """

    concept: Concept
    kind: str
    key: str
    colour: str | None = None
    pattern: str = "plain"
    state: str = "upright"
    mark: bool = False


@dataclass(frozen=True)
class Placed:
    """An object as it is seen.

    Attributes:
        thing: What it is.
        size: One of :data:`SIZES`, or None where all objects have one size.
        box: Of its visible pixels.
        extent: Of all its pixels, seen or not.
        depth: 0 is the backmost.
        area: Visible pixels.
        whole: Pixels, seen or not.
    """

    thing: Thing
    size: str | None
    box: Box
    extent: Box
    depth: int
    area: int
    whole: int

    @property
    def span(self) -> int:
        """Area of its extent."""
        return (self.extent[2] - self.extent[0]) * (self.extent[3] - self.extent[1])

    @property
    def length(self) -> int:
        """The longer side of its extent."""
        return max(self.extent[2] - self.extent[0], self.extent[3] - self.extent[1])

    @property
    def name(self) -> str:
        """Of its concept."""
        return self.thing.concept.name

    def attribute(self, part: str) -> str | None:
        """The word for its size, state, pattern or colour, if there is one."""
        return self.size if part == "size" else getattr(self.thing, part)

    def spoken(self, part: str) -> str | None:
        """The word that a caption can say of it."""
        word = self.attribute(part)
        return None if word in UNSPOKEN else word


@dataclass(frozen=True)
class Background:
    """What is behind the objects.

    Attributes:
        kind: "plain", "textured" or "clutter".
        colour: A named colour, drawn pale.
    """

    kind: str
    colour: str


@dataclass(frozen=True)
class Plan:
    """What a picture will show, before anything has a place.

    Attributes:
        split: Whose.
        things: The objects; the first two are the decisive pair.
        background: What is behind them.
        theme: What they were drawn from together, if anything.
        topics: The theme's topics.
        held_out: Whether the decisive pair is one of those that no train scene has.
    """

    split: str
    things: tuple[Thing, ...]
    background: Background
    theme: str | None
    topics: tuple[str, ...]
    held_out: bool


@dataclass(frozen=True)
class Scene:
    """A picture's truth.

    Attributes:
        side: Of the picture, in pixels.
        objects: In the order of the plan.
        overlaps: Pairs (i, j), i < j -> pixels of both.
        gaps: Pairs (i, j), i < j -> pixels between them, where they are close and do not overlap.
        plan: What it was made from.
    """

    side: int
    objects: tuple[Placed, ...]
    plan: Plan
    overlaps: dict[tuple[int, int], int] = field(default_factory=dict)
    gaps: dict[tuple[int, int], int] = field(default_factory=dict)
