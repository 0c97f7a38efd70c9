"""Icons: what their names say, and that every font is read."""

from __future__ import annotations

import pytest

from embedworks.corpora.drawings.icons import FONTS, all_icons, concepts, find_icon
from embedworks.errors import InputError


@pytest.mark.parametrize(
    ("font", "name", "concept", "modifiers", "styles"),
    [
        ("material", "account-plus-outline", "account", ("plus",), ("outline",)),
        ("material", "account", "account", (), ()),
        ("elusive", "circle-arrow-left", "arrow-left", ("circle",), ()),
        ("fa6-solid", "arrow-left", "arrow-left", (), ()),
        ("phosphor", "arrow-left-bold", "arrow-left", (), ("bold",)),
        ("material", "file-lock", "file", ("lock",), ()),
        ("material", "account-arrow-left", "account", ("arrow-left",), ()),
        ("remix", "address-book-fd-line", None, None, None),
    ],
)
def test_names_are_a_concept_modifiers_and_styles(font, name, concept, modifiers, styles) -> None:
    if concept is None:
        with pytest.raises(InputError, match="address-book"):
            find_icon(font, name)
        return
    icon = find_icon(font, name)
    assert (icon.concept, icon.modifiers, icon.styles) == (concept, modifiers, styles)


def test_every_font_has_icons_and_an_unknown_one_is_refused() -> None:
    counts = {font: len(all_icons(font)) for font in FONTS}
    assert sum(counts.values()) == len(all_icons())
    assert counts["material"] > 7000
    assert min(counts.values()) > 100
    with pytest.raises(InputError, match="material"):
        all_icons("materiel")


def test_concepts_are_drawn_by_several_hands() -> None:
    found = concepts()
    assert sum(len(icons) for icons in found.values()) == len(all_icons())
    assert sum(len({icon.font for icon in icons}) >= 3 for icons in found.values()) > 400
    assert {icon.font for icon in found["bell"]} >= {"material", "phosphor", "fa6-solid", "codicon"}
