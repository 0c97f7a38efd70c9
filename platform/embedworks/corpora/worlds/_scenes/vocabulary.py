"""What stands in scenes: names that are countable English nouns, each with an emoji and perhaps icons.

Emoji names serve badly as words ("woman: beard", "cherries", "cooked rice", "oncoming bus"), so the words
are chosen by hand: singular, countable, none a kind of another ("bus" without "trolleybus"), all
recognisable at 20 pixels without their colours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from embedworks.corpora.drawings.emoji import all_emoji, held_out_bases
from embedworks.corpora.drawings.icons import all_icons
from embedworks.corpora.splitting import hash_order
from embedworks.errors import InputError

# Category (an emoji group) -> topic -> names; "parcel=package" where the emoji is called otherwise.
TOPICS: dict[str, dict[str, str]] = {
    "animals and nature": {
        "mammals": "rat, cow, tiger, leopard, rabbit, cat, horse, ram, goat, monkey, dog, pig, boar, "
        "elephant, camel, hamster, wolf, polar bear, panda, koala, chipmunk, bat, lion, fox, deer, "
        "gorilla, rhinoceros, giraffe, zebra, hedgehog, kangaroo, llama, hippopotamus, raccoon, "
        "badger, mammoth, sloth, otter, skunk, beaver, bison, donkey",
        "birds": "rooster, penguin, dove, turkey, eagle, duck, owl, peacock, parrot, swan, dodo, "
        "flamingo, goose, chick=baby chick",
        "sea animals": "crocodile, whale, octopus, turtle, dolphin, frog, shark, snake, seal, "
        "jellyfish, crab, shrimp, squid, lobster, oyster, seashell=spiral shell, blowfish, snail",
        "insects": "ant, bee=honeybee, ladybird=lady beetle, spider, scorpion, butterfly, mosquito, "
        "fly, worm, cockroach, cricket",
        "plants": "fir tree=evergreen tree, palm tree, cactus, tulip, rose, hibiscus, sunflower, "
        "maple leaf, mushroom, shamrock, hyacinth, potted plant",
    },
    "food and drink": {
        "fruit": "watermelon, tangerine, lemon, banana, pineapple, apple=red apple, pear, peach, "
        "strawberry, coconut, mango, kiwi=kiwi fruit, avocado, tomato, olive",
        "vegetables": "eggplant, chilli=hot pepper, carrot, cucumber, potato, onion, "
        "pea pod, chestnut, bell pepper",
        "meals": "taco, burrito, hamburger, pizza, rice ball, croissant, sandwich, bagel, pretzel, "
        "waffle, dumpling, egg, baguette=baguette bread, tamale, pie",
        "sweets": "ice cream, doughnut, cookie, chocolate bar, lollipop, honey pot, shortcake, "
        "birthday cake, cupcake",
        "drinks": "wine glass, cocktail glass, beer mug, baby bottle, teapot, tropical drink, "
        "amphora, jar, cup=hot beverage, juice box=beverage box",
    },
    "travel and places": {
        "road vehicles": "motorcycle, bus, ambulance, fire engine, taxi, car=automobile, tractor, "
        "bicycle, rickshaw=auto rickshaw, pickup truck, roller skate",
        "vessels": "helicopter, rocket, airplane, ship, speedboat, sailboat, canoe, ferry, satellite, "
        "flying saucer, parachute, locomotive, tram, monorail",
        "buildings": "house, castle, church, factory, tent, hut, mosque, fountain, stadium, "
        "ferris wheel, roller coaster, hospital, school",
        "sky": "rainbow, volcano, crescent moon, star, cloud, tornado, planet=ringed planet, sun, "
        "droplet, mountain",
    },
    "activities": {
        "sport": "tennis ball=tennis, basketball, soccer ball, baseball, volleyball, "
        "football=american football, trophy, boxing glove, curling stone, frisbee=flying disc, "
        "ice skate, fishing rod=fishing pole, target=bullseye, boomerang, medal=sports medal",
        "play": "joystick, crystal ball, puzzle piece, teddy bear, kite, game controller=video game, "
        "chess pawn, slot machine, balloon, gift=wrapped gift, Christmas tree, firecracker, ticket, "
        "palette=artist palette, water pistol, ribbon",
        "fantasy": "ghost, alien, robot, unicorn, dragon, snowman, skull, zombie, mermaid",
    },
    "objects": {
        "clothes": "shirt=necktie, dress, kimono, bikini, handbag, running shoe, crown, top hat, "
        "scarf, coat, boot=hiking boot, backpack, umbrella, ring, cap=billed cap",
        "music": "saxophone, guitar, trumpet, violin, drum, accordion, banjo, flute, microphone, "
        "bell, radio",
        "office": "briefcase, calendar, clipboard, pushpin, newspaper, envelope, pencil, crayon, "
        "paintbrush, notebook, scroll, book=open book, folder=file folder, parcel=package, postbox, "
        "abacus",
        "tools": "hammer, wrench, axe, screwdriver, ladder, toolbox, saw=carpentry saw, hook, bucket, "
        "broom, plunger, fire extinguisher, gear, key, anchor, bomb, shield, dagger, flashlight, "
        "test tube, microscope, clamp, magnet",
        "household": "bed, chair, door, window, toilet, shower, bathtub, candle, light bulb, mirror, "
        "basket, toothbrush, sponge, razor, shopping cart, coin, money bag, alarm clock, "
        "hourglass=hourglass done, watch",
        "electronics": "laptop, telephone, mobile phone, camera, television, printer, keyboard, "
        "battery, plug=electric plug, floppy disk, pill",
    },
}
CATEGORIES = tuple(TOPICS)
ICON_STYLES = {
    "fa6-solid": set(),
    "material": set(),
    "phosphor": {"fill"},
    "remix": {"fill"},
}  # filled ones
HOMONYMS = ("cricket", "ribbon")  # whose icons show something else


@dataclass(frozen=True)
class Concept:
    """What an object is.

    Attributes:
        name: A countable noun in the singular.
        category: An emoji group.
        topic: A part of it.
        hexcode: Its emoji.
        icons: Its icons, each a font and a name.
        novel: Whether it is among the objects that can be held out.
    """

    name: str
    category: str
    topic: str
    hexcode: str
    icons: tuple[tuple[str, str], ...]
    novel: bool


@lru_cache(maxsize=4)
def all_concepts(seed: int) -> tuple[Concept, ...]:
    """Every concept, by name.

    Raises:
        InputError: if the installed emoji have no longer a name that is listed here.
    """
    by_name = {emoji.name.lower(): emoji for emoji in all_emoji()}
    icons, novel = _plain_icons(), held_out_bases(seed)
    found = []
    for category, topic, name, called in _words():
        emoji = by_name.get(called.lower())
        if emoji is None:
            raise InputError(f"no emoji is called {called!r}", name=called, known=by_name)
        drawn = icons.get(name, ())
        found.append(Concept(name, category, topic, emoji.hexcode, drawn, emoji.base in novel))
    return tuple(sorted(found, key=lambda concept: concept.name))


def choose(concepts: Iterable[Concept], number: int, seed: int) -> tuple[Concept, ...]:
    """``number`` of ``concepts``, as evenly over the topics as they have them; all if 0."""
    by_name = {concept.name: concept for concept in concepts}
    rank: dict[str, int] = {}
    turns = []
    for place, name in enumerate(hash_order(by_name, seed)):
        topic = by_name[name].topic
        rank[topic] = rank.get(topic, 0) + 1
        turns.append((rank[topic], place, name))
    chosen = [name for _, _, name in sorted(turns)[: number or None]]
    return tuple(by_name[name] for name in sorted(chosen))


def _words() -> Iterable[tuple[str, str, str, str]]:
    """Category, topic, name and the emoji's name of every concept."""
    for category, topics in TOPICS.items():
        for topic, listed in topics.items():
            for word in listed.split(", "):
                name, _, called = word.partition("=")
                yield category, topic, name, called or name


def _plain_icons() -> dict[str, tuple[tuple[str, str], ...]]:
    """Name -> its icons that are filled, and show nothing else."""
    found: dict[str, list[tuple[str, str]]] = {}
    for icon in all_icons():
        name = icon.concept.replace("-", " ")
        if not icon.modifiers and ICON_STYLES.get(icon.font) == {*icon.styles} and name not in HOMONYMS:
            found.setdefault(name, []).append((icon.font, icon.name))
    return {name: tuple(icons) for name, icons in found.items()}
