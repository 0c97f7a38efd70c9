"""Who is in a scene: names, colours and the rest, each drawn independently of the others.

With ``hold_out: pairs`` some unordered pairs of names are set apart: no train scene has both names of such
a pair, and the first two objects of every test scene are one. With ``hold_out: objects`` no train scene has
a novel name, and the first object of every test scene is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.worlds._scenes.model import PATTERNS, STATES, Background, Plan, Thing
from embedworks.corpora.worlds._scenes.options import SceneOptions
from embedworks.corpora.worlds._scenes.pools import (
    Pool,
    frequencies,
    held_out_pairs,
    pick,
    pools,
    vocabulary,
)
from embedworks.corpora.worlds._scenes.vocabulary import Concept
from embedworks.errors import InputError

BACKGROUNDS = ("plain", "textured", "clutter")
TRIES = 64


class Cast:
    """Plans scenes.

    Raises:
        InputError: if the options leave too few names to make scenes of.
    """

    def __init__(self, options: SceneOptions) -> None:
        self.options = options
        self.concepts, self.marks = vocabulary(options)
        self.by_name = {concept.name: concept for concept in (*self.concepts, *self.marks)}
        self.held_out = held_out_pairs(self.concepts, options)
        weights = frequencies(self.concepts, options)
        known = [each for each in self.concepts if options.hold_out != "objects" or not each.novel]
        self.pools = {
            "train": self._large_enough(pools(known, weights, self.held_out, options)),
            "test": self._large_enough(pools(self.concepts, weights, self.held_out, options)),
        }
        self.testable = [pool for pool in self.pools["test"] if self._testable(pool)]
        if not self.pools["train"] or not self.testable:
            raise InputError(
                f"{len(self.concepts)} names are too few for these scenes",
                where="corpus 'scenes'",
                expected="more concepts, categories or kinds, fewer objects, or hold_out 'none'",
            )

    def draw(self, split: str, rng: np.random.Generator) -> Plan:
        """What the next scene shows."""
        pool = pick(self.testable if split == "test" else self.pools["train"], rng)
        names = self._names(pool, split, rng)
        things = [self._thing(concept, rng) for concept in names]
        if self.marks:
            things.append(self._thing(pick(self.marks, rng), rng, mark=True))
        kind = self.options.background
        background = Background(
            pick(BACKGROUNDS, rng) if kind == "any" else kind, pick(tuple(COLOURS), rng)
        )
        held_out = len(names) > 1 and self.apart(names[0], names[1])
        return Plan(split, tuple(things), background, pool.theme, pool.topics, held_out)

    def apart(self, one: Concept, other: Concept) -> bool:
        """Whether two names are a held-out pair."""
        return (min(one.name, other.name), max(one.name, other.name)) in self.held_out

    def substitute(self, plan: Plan, index: int, rng: np.random.Generator) -> Concept | None:
        """Another name for one of a plan's objects, as likely beside the others as its own.

        What never stands together in true captions does not in false ones, or a text would give itself
        away. None if there is no such name.
        """
        old = plan.things[index].concept
        others = [thing.concept for k, thing in enumerate(plan.things) if k != index and not thing.mark]
        for _ in range(TRIES):
            new = self.absent(plan, rng)
            if new is None:
                return None
            if self._novelty(new) == self._novelty(old) and all(
                self.apart(new, other) == self.apart(old, other) for other in others
            ):
                return new
        return None

    def absent(self, plan: Plan, rng: np.random.Generator) -> Concept | None:
        """A name that is not in a plan, drawn as those in it are; None if the theme has no other."""
        pool = next(pool for pool in self.pools[plan.split] if pool.theme == plan.theme)
        present = {thing.concept.name for thing in plan.things}
        drawn = (pool.concepts.draw(rng) for _ in range(TRIES))
        return next((concept for concept in drawn if concept.name not in present), None)

    def _novelty(self, concept: Concept) -> bool:
        return self.options.hold_out == "objects" and concept.novel

    def _large_enough(self, found: Iterable[Pool]) -> list[Pool]:
        """Pools with names for every object and one that is absent."""
        return [pool for pool in found if len(pool.concepts) > self.options.max_objects]

    def _testable(self, pool: Pool) -> bool:
        found = {"none": len(pool.concepts), "objects": len(pool.novel), "pairs": len(pool.pairs)}
        return found[self.options.hold_out] > 0

    def _names(self, pool: Pool, split: str, rng: np.random.Generator) -> list[Concept]:
        """The names in a scene; the first two are the decisive ones."""
        options = self.options
        number = options.min_objects + int(rng.random() * (options.max_objects - options.min_objects + 1))
        names = self._decisive(pool, split, number, rng)
        while len(names) < number:
            repeated = len(names) > 1 and rng.random() < options.repeats
            new = None if repeated else self._new(pool, split, names, rng)
            names.append(pick(names, rng) if new is None else new)
        return names

    def _decisive(self, pool: Pool, split: str, number: int, rng: np.random.Generator) -> list[Concept]:
        """What makes a test scene one."""
        if split == "test" and self.options.hold_out == "objects":
            return [pool.novel.draw(rng)]
        if split == "test" and self.options.hold_out == "pairs" and number > 1:
            pair = pool.pairs.draw(rng)
            return list(pair if rng.random() < 0.5 else pair[::-1])
        return []

    def _new(
        self, pool: Pool, split: str, names: list[Concept], rng: np.random.Generator
    ) -> Concept | None:
        """A further name; None if every one that was tried is there already, or may not be there."""
        for _ in range(TRIES):
            new = pool.concepts.draw(rng)
            if new not in names and (split == "test" or not any(self.apart(new, name) for name in names)):
                return new
        return None

    def drawing(self, concept: Concept, rng: np.random.Generator, mark: bool = False) -> Thing:
        """One of a name's drawings, without colour, pattern and state."""
        kinds = self.options.kinds
        both = kinds == "both" and bool(concept.icons) and rng.random() < 0.5
        if mark or both or kinds == "icon":
            return Thing(concept, "icon", ":".join(pick(concept.icons, rng)), mark=mark)
        return Thing(concept, "emoji", concept.hexcode)

    def _thing(self, concept: Concept, rng: np.random.Generator, mark: bool = False) -> Thing:
        """How a name is drawn; a mark only has a colour."""
        drawn, options = self.drawing(concept, rng, mark), self.options
        patterned, changed = (
            asked and not mark and rng.random() < 0.5 for asked in (options.patterns, options.states)
        )
        return replace(
            drawn,
            colour=pick(tuple(COLOURS), rng) if options.colours or mark else None,
            pattern=pick(PATTERNS[1:], rng) if patterned else "plain",
            state=pick(STATES[1:], rng) if changed else "upright",
        )
