"""icons: every glyph once, no concept on both sides of the split, colours that are what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.corpora.builtin.icons import Options, rows, text_of
from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.drawings.icons import all_icons, find_icon
from embedworks.corpora.drawings.png import decode_png
from embedworks.errors import InputError

FONTS = ("codicon", "elusive", "fa6-regular")


@pytest.fixture(scope="module")
def splits():
    return {
        split: list(found) for split, found in rows(Options(size=16, fonts=FONTS, colours=True)).items()
    }


def test_no_concept_is_on_both_sides_whichever_fonts_are_chosen(splits) -> None:
    other = rows(Options(size=8, fonts=("fa5-regular",)))
    train, test = (
        {row["concept"] for found in (splits, other) for row in found[split]} for split in ("train", "test")
    )
    assert test
    assert not train & test
    assert 0.1 < len(test) / len(train | test) < 0.2


def test_every_icon_of_the_fonts_is_there_once(splits) -> None:
    found = sorted(row["id"] for split in splits.values() for row in split)
    assert found == sorted(f"{icon.font}-{icon.name}" for font in FONTS for icon in all_icons(font))


def test_the_ink_has_the_colour_that_the_row_names(splits) -> None:
    seen = set()
    for row in splits["test"]:
        pixels = decode_png(row["image"]).reshape(-1, 3).astype(int)
        darkest = pixels[np.abs(pixels - 255).sum(1).argmax()]
        nearest = min(COLOURS, key=lambda name: np.abs(darkest - COLOURS[name]).sum())
        assert nearest == row["colour"], row["id"]
        seen.add(nearest)
    assert seen == set(COLOURS)


def test_icons_are_black_on_white_by_default() -> None:
    row = next(iter(rows(Options(size=16, fonts=("codicon",)))["train"]))
    assert (row["colour"], row["background"]) == ("black", "white")
    pixels = decode_png(row["image"])
    assert np.ptp(pixels.astype(int), axis=2).max() == 0


def test_texts_say_concept_modifiers_colour_and_style() -> None:
    icon = find_icon("material", "account-plus-outline")
    assert text_of(icon) == "account with plus, outline"
    assert text_of(icon, "red") == "red account with plus, outline"


def test_an_unknown_font_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'material'"):
        Options(fonts=("materiel",))
