"""``noisy-scenes``: scenes with the texts that the web puts beside pictures.

Of the training texts that are captions at all, a share is another picture's true caption: wrong, and
nothing in the text shows it. Further rows are junk that a filter by frequency can see: boilerplate that
many pictures share, a single word, a caption with a word of random letters. Test scenes keep their
captions.
"""

from __future__ import annotations

import string
from collections.abc import Callable

import numpy as np
import pyarrow as pa
from pydantic import Field

from embedworks.corpora.recipe import Row, row_rng
from embedworks.corpora.worlds import scenes
from embedworks.corpora.worlds._scenes.options import SceneOptions

NAME = "noisy-scenes"
DESCRIPTION = "Scenes whose training texts are partly those of other pictures, and partly junk."
LICENCE = scenes.LICENCE
SPLIT_RULE = scenes.SPLIT_RULE
SCHEMA = pa.schema(
    [
        ("image", pa.binary()),
        ("text", pa.string()),
        ("noise", pa.string()),
        ("caption", pa.string()),
        ("label", pa.string()),
        ("objects", pa.int32()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "image": "PNG, RGB, `size` pixels a side",
    "text": "what stands beside it: its own caption, another picture's, or junk",
    "noise": "none, mismatched, boilerplate, word (a single one) or letters (random ones among the words)",
    "caption": "its own caption: 4 to 15 words",
    "label": "name of the object with the largest visible area",
    "objects": "how many it shows",
    "id": "split and number",
}
SERVES = ("align",)

BOILERPLATE = (
    "1920x1080",
    "alt_img",
    "click here to see a larger picture",
    "no description is available for this image",
    "image may contain one or more objects",
)
REACH = 1000  # rows on, at most, from which a wrong caption comes
LETTERS = (6, 11)  # of a random word: at least, and fewer than


class Options(SceneOptions):
    """What a user may set: the scenes' own options, and the noise."""

    size: int = Field(default=48, ge=24, le=512, description="pixels of a picture's side")
    min_objects: int = Field(default=1, ge=1, le=9, description="fewest objects of a scene")
    max_objects: int = Field(default=3, ge=1, le=9, description="most objects of a scene")
    mismatched: float = Field(
        default=0.5, ge=0, le=1, description="share of the captions that are another picture's"
    )
    junk: float = Field(default=0.3, ge=0, lt=1, description="share of the rows that are junk")


def source(options: Options) -> str:
    """What scenes are drawn from."""
    return scenes.source(options)


class World:
    """Draws scenes and spoils their texts.

    Raises:
        InputError: if the options leave too few names, or a distribution is not installed.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.scenes = scenes.World(options)

    def row(self, split: str, index: int) -> Row:
        """One scene with the text that it was given."""
        scene = self.scenes.row(split, index)
        noise, text = "none", scene["caption"]
        if split == "train":
            noise, text = self._spoil(text, index, row_rng(self.options.seed, NAME, split, index))
        return {
            "image": scene["image"],
            "text": text,
            "noise": noise,
            "caption": scene["caption"],
            "label": scene["label"],
            "objects": len(scene["objects"]),
            "id": scene["id"],
        }

    def _spoil(self, caption: str, index: int, rng: np.random.Generator) -> tuple[str, str]:
        """(what was done to it, the text)."""
        if rng.random() < self.options.junk:
            kind = str(rng.choice(list(JUNK)))
            return kind, JUNK[kind](caption, rng)
        if rng.random() < self.options.mismatched:
            other = index + int(rng.integers(1, REACH))  # perhaps beyond the last row, which is a scene too
            return "mismatched", self.scenes.row("train", other)["caption"]
        return "none", caption


def _boilerplate(_caption: str, rng: np.random.Generator) -> str:
    return str(rng.choice(BOILERPLATE))


def _word(caption: str, rng: np.random.Generator) -> str:
    return str(rng.choice(caption.split()))


def _letters(caption: str, rng: np.random.Generator) -> str:
    """The caption with one word of random letters."""
    words = caption.split()
    letters = rng.choice(list(string.ascii_lowercase), int(rng.integers(*LETTERS)))
    words[int(rng.integers(len(words)))] = "".join(letters)
    return " ".join(words)


JUNK: dict[str, Callable[[str, np.random.Generator], str]] = {
    "boilerplate": _boilerplate,
    "word": _word,
    "letters": _letters,
}
