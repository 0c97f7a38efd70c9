"""``emoji-concepts``: emoji as items that share concepts, each with texts of two kinds.

Made for systems that match texts of two kinds and explain a match by concepts, as jobs and profiles are
matched by skills.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from embedworks.corpora.builtin import emoji_names
from embedworks.corpora.recipe import RecipeOptions, Row, Rows, row_rng

NAME = "emoji-concepts"
DESCRIPTION = "Emoji as items that share concepts: an English text, names in 13 languages, concept lists."
LICENCE = emoji_names.LICENCE
SPLIT_RULE = emoji_names.SPLIT_RULE
SERVES = ("sesa",)
WORDS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        ("query", pa.string()),
        ("profiles", WORDS),
        ("languages", WORDS),
        ("concepts", WORDS),
        ("listed", WORDS),
        ("emoji", pa.string()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "query": "in English: name, other names and keywords, without some of the keywords' words",
    "profiles": "the name in thirteen other languages",
    "languages": "of the profiles",
    "concepts": "keywords, Unicode's subgroup and Unicode's group",
    "listed": "the concepts without some, as users list a part of their skills; may be empty",
    "emoji": "the character itself",
    "id": "`concepts-` and its code points",
}


class Options(RecipeOptions):
    """What a user may set."""

    removed: float = Field(default=0.5, ge=0, le=1, description="chance that a keyword's word is taken out")
    unlisted: float = Field(default=0.4, ge=0, le=1, description="chance that a concept is not listed")


def source(options: Options) -> str:
    """Where the names come from."""
    return emoji_names.source(options)


def rows(options: Options) -> Rows:
    """Both splits, by hexcode."""
    names = emoji_names.rows(emoji_names.Options(seed=options.seed))
    return {split: _rows(found, split, options) for split, found in names.items()}


def _rows(found: Any, split: str, options: Options) -> Iterator[Row]:
    for number, row in enumerate(found):
        rng = row_rng(options.seed, NAME, split, number)
        concepts = concepts_of(row)
        others = [name for name in row["names"] if name["language"] != "en"]
        yield {
            "query": query_of(row, options.removed, rng),
            "profiles": [name["name"] for name in others],
            "languages": [name["language"] for name in others],
            "concepts": concepts,
            "listed": [one for one in concepts if rng.random() >= options.unlisted],
            "emoji": row["emoji"],
            "id": f"concepts-{row['hexcode']}",
        }


def concepts_of(row: Mapping[str, Any]) -> list[str]:
    """Keywords, subgroup and group, each once."""
    group = row["category"].lower()
    return list(dict.fromkeys([*row["tags"], row["subgroup"].replace("-", " "), group]))


def query_of(row: Mapping[str, Any], removed: float, rng: np.random.Generator) -> str:
    """Names and keywords, from which each word that is a keyword's is taken out by chance.

    The name alone, where nothing would be left.
    """
    spoken = list(dict.fromkeys([row["query"], *row["aliases"], *row["tags"]]))
    keywords = {word for tag in row["tags"] for word in tag.lower().split()}
    kept = []
    for text in spoken:
        words = [w for w in text.split() if w.lower() not in keywords or rng.random() >= removed]
        if any(re.search(r"\w", word) for word in words):
            kept.append(" ".join(words))
    return ", ".join(kept) or str(row["query"])
