"""English for scenes: articles, plurals, noun phrases, and what else a word is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedworks.corpora.worlds._scenes.model import ATTRIBUTES

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Spelled with a vowel and spoken with a consonant; the words here have no silent h but "hourglass".
SPOKEN_CONSONANT = ("uni", "uku", "eu", "one")
SILENT = ("hour",)
PLURALS = {
    "bison": "bison",
    "deer": "deer",
    "moose": "moose",
    "shrimp": "shrimp",
    "squid": "squid",
    "blowfish": "blowfish",
    "jellyfish": "jellyfish",
    "goose": "geese",
    "wolf": "wolves",
    "maple leaf": "maple leaves",
    "scarf": "scarves",
    "snowman": "snowmen",
    "octopus": "octopuses",
    "cactus": "cacti",
    "hippopotamus": "hippopotamuses",
    "fly": "flies",
    "mango": "mangoes",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "tornado": "tornadoes",
    "volcano": "volcanoes",
    "mosquito": "mosquitoes",
}
# What captions say -> other words for it.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "small": ("little", "tiny"),
    "large": ("big", "huge"),
    "upside-down": ("inverted",),
    "tilted": ("slanted",),
    "outlined": ("hollow",),
    "broken": ("cracked",),
    "striped": ("stripy",),
    "dotted": ("spotted",),
    "checkered": ("chequered",),
}


@dataclass(frozen=True)
class Phrase:
    """What a text says of an object, or of several alike.

    Attributes:
        name: The noun in the singular.
        words: Part of :data:`ATTRIBUTES` -> its word; only what is said.
        count: How many.
        indices: The objects that are meant; a text that is false means none.
    """

    name: str
    words: tuple[tuple[str, str], ...] = ()
    count: int = 1
    indices: tuple[int, ...] = ()

    def word(self, part: str) -> str | None:
        """What it says of a part, if anything."""
        return dict(self.words).get(part)

    def saying(self, part: str, word: str | None) -> Phrase:
        """The same with another word for one part, or none."""
        said = {**dict(self.words), part: word}
        words = tuple((each, found) for each in ATTRIBUTES if (found := said.get(each)))
        return Phrase(self.name, words, self.count, self.indices)


def article(words: str) -> str:
    """Of a noun phrase without one.

    Example:
        >>> article("orange dog"), article("unicorn"), article("hourglass")
        ('an', 'a', 'an')
    """
    if words.startswith(SILENT):
        return "an"
    vowel = words[0].lower() in "aeiou" and not words.startswith(SPOKEN_CONSONANT)
    return "an" if vowel else "a"


def plural(noun: str) -> str:
    """More than one of it.

    Example:
        >>> plural("paintbrush"), plural("pony"), plural("toy")
        ('paintbrushes', 'ponies', 'toys')
    """
    if noun in PLURALS:
        return PLURALS[noun]
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def bare(phrase: Phrase, said: dict[str, str] | None = None) -> str:
    """A phrase without its article: "small red dog", "blue stars".

    Args:
        phrase: What to say.
        said: Word -> the synonym to use.
    """
    noun = phrase.name if phrase.count == 1 else plural(phrase.name)
    words = [(said or {}).get(word, word) for _, word in phrase.words]
    return " ".join([*words, noun])


def indefinite(phrase: Phrase, said: dict[str, str] | None = None) -> str:
    """ "a small red dog", "two blue stars"."""
    words = bare(phrase, said)
    return f"{article(words)} {words}" if phrase.count == 1 else f"{NUMBERS[phrase.count]} {words}"


def definite(phrase: Phrase, said: dict[str, str] | None = None) -> str:
    """ "the small red dog", "the two blue stars"."""
    words = bare(phrase, said)
    return f"the {words}" if phrase.count == 1 else f"the {NUMBERS[phrase.count]} {words}"


def be(phrase: Phrase) -> str:
    """The verb that agrees with it."""
    return "is" if phrase.count == 1 else "are"


def enumerated(parts: Sequence[str]) -> str:
    """ "a, b and c"."""
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(words: str) -> str:
    """With a capital and a full stop."""
    return f"{words[0].upper()}{words[1:]}."
