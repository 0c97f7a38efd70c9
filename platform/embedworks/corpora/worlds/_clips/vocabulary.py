"""What moves in clips: families of things, each with several members that an emoji draws.

Names are singular and countable; drawings have no symmetry that would hide that they are turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from embedworks.corpora.drawings.emoji import all_emoji
from embedworks.errors import InputError

# Family -> names; "bee=honeybee" where the emoji is called otherwise.
FAMILIES: dict[str, str] = {
    "sea animal": "herring=fish, blowfish, shark, dolphin, whale, octopus, turtle, seal, squid, shrimp",
    "bird": "rooster, duck, parrot, swan, eagle, flamingo, turkey, goose, penguin",
    "mammal": "cow, horse, rabbit, pig, elephant, camel, kangaroo, deer, giraffe, rhinoceros, zebra, goat",
    "insect": "ant, bee=honeybee, butterfly, cricket, mosquito, fly, cockroach, beetle",
    "vehicle": "taxi, bus, ambulance, fire engine, pickup truck, racing car, tractor, delivery truck",
    "boat": "speedboat, canoe, sailboat, ferry, ship",
    "tool": "hammer, wrench, axe, screwdriver, saw=carpentry saw, pick, clamp, broom",
    "building": "house, castle, church, factory, hut, hospital, school, hotel",
    "fruit": "banana, pear, strawberry, pineapple, apple=red apple, watermelon, mango, avocado",
    "garment": "dress, kimono, running shoe, boot=hiking boot, coat, top hat, jacket=safety vest",
    "instrument": "guitar, saxophone, violin, trumpet, banjo, accordion, flute",
    "plant": "palm tree, cactus, tulip, rose, sunflower, fir tree=evergreen tree, potted plant",
}


@dataclass(frozen=True)
class Thing:
    """One that can move.

    Attributes:
        name: ``bee``.
        family: ``insect``.
        hexcode: Of its emoji.
    """

    name: str
    family: str
    hexcode: str


@lru_cache(maxsize=1)
def things() -> dict[str, tuple[Thing, ...]]:
    """Family -> its members, in the order of :data:`FAMILIES`.

    Raises:
        InputError: if the installed emoji lack one of the names.
    """
    hexcodes = {emoji.name: emoji.hexcode for emoji in all_emoji()}
    return {
        family: tuple(_thing(entry, family, hexcodes) for entry in names.split(", "))
        for family, names in FAMILIES.items()
    }


def _thing(entry: str, family: str, hexcodes: dict[str, str]) -> Thing:
    name, _, drawn_as = entry.partition("=")
    emoji = drawn_as or name
    if emoji not in hexcodes:
        raise InputError(
            f"no emoji is called {emoji!r}", where="corpus 'clips'", name=emoji, known=hexcodes
        )
    return Thing(name, family, hexcodes[emoji])
