"""The icons of qtawesome's fonts: concepts that several hands have drawn.

The fonts and their lists of names are read by their paths: importing qtawesome needs Qt.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from embedworks.corpora.drawings._icon_names import read_name
from embedworks.corpora.recipe import EXTRA
from embedworks.corpora.splitting import hash_order
from embedworks.errors import InputError
from embedworks.named import require_known

# Font -> the beginning of its files' names. Version 5 of Material and the brands of FA5 are left out: they
# repeat what the newer ones have.
FONTS = {
    "codicon": "codicon-",
    "elusive": "elusiveicons-webfont-",
    "fa5-regular": "fontawesome5-regular-webfont-",
    "fa5-solid": "fontawesome5-solid-webfont-",
    "fa6-brands": "fontawesome6-brands-webfont-",
    "fa6-regular": "fontawesome6-regular-webfont-",
    "fa6-solid": "fontawesome6-solid-webfont-",
    "material": "materialdesignicons6-webfont-",
    "phosphor": "phosphor-",
    "remix": "remixicon-",
}


TEST_SHARE = 0.15
BLANK = ("blank", "font-awesome-logo-full")  # without any ink


@dataclass(frozen=True)
class Icon:
    """One glyph.

    Attributes:
        font: Whose hand: ``material``.
        name: In its font: ``account-plus-outline``.
        code: Its code point.
        concept: What it shows at heart: ``account``.
        modifiers: What is added to the concept, in order: ``("plus",)``.
        styles: How it is drawn: ``("outline",)``.
    """

    font: str
    name: str
    code: int
    concept: str
    modifiers: tuple[str, ...]
    styles: tuple[str, ...]


@lru_cache(maxsize=16)
def all_icons(font: str | None = None) -> tuple[Icon, ...]:
    """The icons of one font, or of all, by font and name.

    Raises:
        InputError: for an unknown font, or if qtawesome is not installed.
    """
    if font is None:
        return tuple(icon for name in FONTS for icon in all_icons(name))
    names = json.loads(_file(font, ".json").read_text(encoding="utf-8"))
    found = []
    for name, code in sorted(names.items()):
        if name in BLANK:
            continue
        concept, modifiers, styles = read_name(name)
        found.append(Icon(font, name, int(code, 16), concept, modifiers, styles))
    return tuple(found)


@lru_cache(maxsize=1)
def concepts() -> dict[str, tuple[Icon, ...]]:
    """Concept -> its icons, by concept."""
    found: dict[str, list[Icon]] = {}
    for icon in all_icons():
        found.setdefault(icon.concept, []).append(icon)
    return {concept: tuple(found[concept]) for concept in sorted(found)}


@lru_cache(maxsize=8)
def held_out_concepts(seed: int = 0, share: float = TEST_SHARE) -> frozenset[str]:
    """The concepts that are held out of everything that is made of icons, by hash order.

    Of all fonts, so that what is made of one shares no concept with the test split of another.
    """
    order = hash_order(concepts(), seed)
    return frozenset(order[: round(share * len(order))])


def find_icon(font: str, name: str) -> Icon:
    """One icon.

    Raises:
        InputError: for an unknown font or icon, with the nearest one.
    """
    icons = _by_name(font)
    require_known(f"icon of {font}", name, icons)
    return icons[name]


def font_file(font: str) -> Path:
    """The TrueType file of a font."""
    return _file(font, ".ttf")


@lru_cache(maxsize=16)
def _by_name(font: str) -> dict[str, Icon]:
    return {icon.name: icon for icon in all_icons(font)}


def _file(font: str, ending: str) -> Path:
    require_known("icon font", font, FONTS)
    spec = importlib.util.find_spec("qtawesome")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "qtawesome is not installed, which icons are drawn from", expected=f"pip install '{EXTRA}'"
        )
    folder = Path(spec.submodule_search_locations[0]) / "fonts"
    start = FONTS[font] + ("charmap-" if ending == ".json" else "")
    files = [
        file
        for file in sorted(folder.glob(f"{start}*{ending}"))
        if ending == ".json" or "charmap" not in file.name
    ]
    if not files:
        raise InputError(f"qtawesome has no file {start}*{ending}", expected="qtawesome 1.4")
    return files[-1]
