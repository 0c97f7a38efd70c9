"""What can be assembled: names, and for each how its parts may be chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from types import MappingProxyType

import numpy as np

from embedworks.corpora.worlds._shapes import furniture, parts, structures, things

Choices = tuple[str, ...]


@dataclass(frozen=True)
class Design:
    """How a named thing is built.

    Attributes:
        build: From a random generator, which draws the measures, and one word of each of ``choices``.
        choices: The first part's choices and the second one's.
    """

    build: Callable[..., list[parts.Part]]
    choices: tuple[Choices, Choices]

    @property
    def variants(self) -> list[Choices]:
        """Every way to choose."""
        return list(product(*self.choices))

    def parts(self, rng: np.random.Generator, variant: Choices) -> list[parts.Part]:
        """One of its kind."""
        return self.build(rng, *variant)


TOPS = ("oblong top", "square top", "round top")
LEGS = ("straight legs", "splayed legs", "one foot", "side panels")
BACKS = ("closed back", "slatted back", "low rail")
FEET = ("on feet", "on the floor")
FRONTS = ("two doors", "drawers", "doors and drawers")
SHADES = ("conical shade", "straight shade", "spherical shade")
STEMS = ("straight stem", "bent stem")
SECTIONS = tuple(parts.SECTIONS)
BUILDS = ("slender", "stocky")

DESIGNS = MappingProxyType(
    {
        "table": Design(partial(furniture.table, height=(0.68, 0.78), width=(0.8, 1.5)), (TOPS, LEGS)),
        "coffee table": Design(
            partial(furniture.table, height=(0.3, 0.42), width=(0.8, 1.2)), (TOPS, LEGS)
        ),
        "bar table": Design(
            partial(furniture.table, height=(1.0, 1.2), width=(0.5, 0.7)), (TOPS[1:], LEGS)
        ),
        "stool": Design(partial(furniture.table, height=(0.42, 0.5), width=(0.32, 0.42)), (TOPS[1:], LEGS)),
        "bar stool": Design(
            partial(furniture.table, height=(0.75, 0.95), width=(0.3, 0.38)), (TOPS[1:], LEGS)
        ),
        "bench": Design(furniture.bench, (BACKS, LEGS[:2] + LEGS[3:])),
        "chair": Design(partial(furniture.chair, height=(0.42, 0.5), width=(0.4, 0.52)), (BACKS, LEGS)),
        "armchair": Design(
            partial(furniture.chair, height=(0.38, 0.46), width=(0.6, 0.75), arms=True), (BACKS, LEGS)
        ),
        "high chair": Design(
            partial(furniture.chair, height=(0.85, 1.05), width=(0.36, 0.44)), (BACKS, LEGS)
        ),
        "sofa": Design(furniture.sofa, (("two seats", "three seats"), FEET)),
        "bed": Design(furniture.bed, (BACKS, ("thick posts", "thin posts"))),
        "bunk bed": Design(partial(furniture.bed, storeys=2), (BACKS, ("thick posts", "thin posts"))),
        "bookshelf": Design(
            furniture.shelf,
            (("closed back", "open back", "open frame"), ("three boards", "four boards", "five boards")),
        ),
        "wardrobe": Design(partial(furniture.cabinet, height=(1.7, 2.1), width=(0.9, 1.4)), (FRONTS, FEET)),
        "sideboard": Design(
            partial(furniture.cabinet, height=(0.6, 0.8), width=(1.3, 1.8)), (FRONTS, FEET)
        ),
        "nightstand": Design(
            partial(furniture.cabinet, height=(0.45, 0.6), width=(0.4, 0.5)), (FRONTS, FEET)
        ),
        "desk": Design(
            furniture.desk, (LEGS[:2] + LEGS[3:], ("drawers on one side", "drawers on both sides"))
        ),
        "floor lamp": Design(partial(furniture.lamp, height=(1.4, 1.7), spread=0.24), (SHADES, STEMS)),
        "table lamp": Design(partial(furniture.lamp, height=(0.4, 0.55), spread=0.18), (SHADES, STEMS)),
        "coat rack": Design(furniture.coat_rack, (("four hooks", "six hooks"), ("on feet", "on a disc"))),
        "ladder": Design(things.ladder, (("parallel sides", "narrowing"), ("six rungs", "nine rungs"))),
        "picket fence": Design(structures.fence, (("pointed", "blunt"), ("five pickets", "eight pickets"))),
        "staircase": Design(
            structures.stairs, (("solid", "open below"), ("with a handrail", "without a handrail"))
        ),
        "dumbbell": Design(
            things.weights, (("disc-shaped", "ball-shaped", "six-sided"), ("short bar", "long bar"))
        ),
        "fir tree": Design(things.fir, (("two tiers", "three tiers", "four tiers"), SECTIONS)),
        "toadstool": Design(things.toadstool, (("domed", "conical"), ("thin stem", "thick stem"))),
        "signpost": Design(
            structures.signpost,
            (("one board", "two boards", "three boards"), ("round pole", "square pole")),
        ),
        "archway": Design(
            structures.archway, (("straight beam", "gabled"), ("round pillars", "square pillars"))
        ),
        "wagon": Design(things.wagon, (("open", "boxed", "tank"), ("four wheels", "six wheels"))),
        "water tower": Design(
            structures.water_tower, (("ball-shaped tank", "upright tank"), ("three legs", "four legs"))
        ),
        "picnic table": Design(
            structures.picnic_table, (("one bench", "two benches"), ("splayed frame", "narrow frame"))
        ),
        "swing": Design(structures.swing, (("one seat", "two seats"), ("splayed frame", "narrow frame"))),
        "footbridge": Design(
            structures.footbridge, (("arched", "level"), ("with handrails", "without handrails"))
        ),
        "windmill": Design(
            structures.windmill,
            (("three sails", "four sails", "six sails"), ("round tower", "four-sided tower")),
        ),
        "space rocket": Design(things.rocket, (("three fins", "four fins"), BUILDS)),
        "cottage": Design(
            structures.hut,
            (("pointed roof", "flat roof", "stepped roof"), ("with a chimney", "without a chimney")),
        ),
        "mannequin": Design(
            things.figure, (("arms down", "arms out", "arms up"), ("round head", "square head"))
        ),
        "step pyramid": Design(
            structures.steps_pyramid, (("three layers", "four layers", "five layers"), SECTIONS)
        ),
        "mallet": Design(things.mallet, (("round head", "square head"), ("short handle", "long handle"))),
        "parasol": Design(
            things.parasol,
            (("round canopy", "eight-sided canopy", "four-sided canopy"), ("on a block", "on a disc")),
        ),
        "traffic cone": Design(things.cone, (("square foot", "round foot"), BUILDS)),
        **{
            name: Design(partial(things.turned_thing, name=name), (SECTIONS, BUILDS))
            for name in things.PROFILES
        },
    }
)
