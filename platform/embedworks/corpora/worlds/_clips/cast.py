"""Who makes which motion in which split.

Two things are held out. Some combinations of motion and family are in no train clip at all: split
``unseen``. Of all other combinations some members of the family never make that motion in train: split
``test``. Both are decided for a motion together with its opposite, so that a false caption with time
reversed never gives itself away by naming what is never true in its split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.splitting import hash_order
from embedworks.corpora.worlds._clips.motions import MOTIONS, STILL
from embedworks.corpora.worlds._clips.options import ClipOptions
from embedworks.corpora.worlds._clips.vocabulary import Thing, things

TEST_SHARE = 0.25  # of a family's members, for every motion
T = TypeVar("T")


@dataclass(frozen=True)
class Actor:
    """A thing in a clip.

    Attributes:
        thing: Which.
        colour: Of :data:`COLOURS`.
        motion: Of :data:`MOTIONS`, or :data:`STILL`.
    """

    thing: Thing
    colour: str
    motion: str


class Cast:
    """Draws who is in a clip, and knows what may be in each split."""

    def __init__(self, options: ClipOptions) -> None:
        self.options = options
        self.families = {family: things()[family] for family in options.families}
        self.all = tuple(thing for family in self.families.values() for thing in family)
        self.left_out = _left_out(options)
        self.test_only = {
            (pair, thing.name)
            for pair in _pairs(options)
            for family in self.families.values()
            for thing in _held_back(pair, family, options.seed)
        }
        self.classes = {split: self._classes(split) for split in options.rows}

    def allowed(self, split: str, motion: str, thing: Thing) -> bool:
        """Whether a thing's motion is what makes a clip one of this split."""
        pair = MOTIONS[motion].pair
        if (pair, thing.family) in self.left_out:
            return split == "unseen"
        return split == ("test" if (pair, thing.name) in self.test_only else "train")

    def draw(self, split: str, still: bool, rng: np.random.Generator) -> list[Actor]:
        """Those in a clip, the one that decides its class first; nobody moves if it is ``still``."""
        options = self.options
        number = int(rng.integers(options.min_objects, options.max_objects + 1))
        first = Actor(pick(self.all, rng), pick(list(COLOURS), rng), STILL)
        if not still:
            motion, members = pick(self.classes[split], rng)
            first = Actor(pick(members, rng), first.colour, motion)
        actors = [first]
        while len(actors) < number:
            thing = pick(self.all, rng)
            if thing not in [actor.thing for actor in actors]:
                actors.append(Actor(thing, pick(list(COLOURS), rng), self._aside(thing, still, rng)))
        return actors

    def _aside(self, thing: Thing, still: bool, rng: np.random.Generator) -> str:
        """What another than the first does: never what train clips leave out."""
        if still or self.options.others == "still":
            return STILL
        known = [motion for motion in self.options.motions if self.allowed("train", motion, thing)]
        return pick(known, rng) if known else STILL

    def _classes(self, split: str) -> list[tuple[str, list[Thing]]]:
        """(motion, members of one family) of every class of a split."""
        found = []
        for motion in self.options.motions:
            for family in self.families.values():
                members = [thing for thing in family if self.allowed(split, motion, thing)]
                if members:
                    found.append((motion, members))
        return found


def pick(choices: Sequence[T], rng: np.random.Generator) -> T:
    """One of several, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def _pairs(options: ClipOptions) -> list[str]:
    return list(dict.fromkeys(MOTIONS[motion].pair for motion in options.motions))


def _left_out(options: ClipOptions) -> set[tuple[str, str]]:
    """(pair, family) left out: along diagonals, so that none loses more than it must."""
    pairs = hash_order(_pairs(options), options.seed)
    families = hash_order(options.families, options.seed)
    cells = [
        (pair, family) for shift in range(len(pairs)) for pair, family in _diagonal(pairs, families, shift)
    ]
    return set(cells[: round(options.hold_out * len(cells))])


def _diagonal(pairs: list[str], families: list[str], shift: int) -> list[tuple[str, str]]:
    return [(pairs[(place + shift) % len(pairs)], family) for place, family in enumerate(families)]


def _held_back(pair: str, family: tuple[Thing, ...], seed: int) -> list[Thing]:
    """Members of a family that make a motion in test clips only."""
    members = {f"{pair}:{thing.name}": thing for thing in family}
    order = hash_order(members, seed)
    return [members[key] for key in order[: max(1, round(TEST_SHARE * len(family)))]]
