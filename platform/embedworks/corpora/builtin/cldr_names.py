"""``cldr-names``: names of territories, languages, scripts, currencies, units and cities in many languages.

The names are CLDR's, read through Babel. A row is a concept's name in one language beside its English one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from embedworks.corpora.recipe import RecipeOptions, Row, Rows, need
from embedworks.corpora.splitting import components, held_out

NAME = "cldr-names"
DESCRIPTION = (
    "Names of territories, languages, scripts, currencies, units and cities in 19 languages (CLDR)."
)
LICENCE = "Unicode-3.0"
SPLIT_RULE = (
    "by concept: concepts that share a name in any languages, words in parentheses aside, form one group, "
    "and whole groups are held out in hash order until about a third of the rows are in test"
)
SERVES = ("ofa", "vocabulary-expansion", "sesa", "points")
TEST_SHARE = 1 / 3
LANGUAGES = (  # beside English
    *("ar", "de", "es", "fa", "fr", "hi", "id", "it", "ja", "ko"),
    *("nl", "pl", "pt", "ru", "sw", "ta", "tr", "vi", "zh"),
)
COLUMNS = {
    "query": "the English name",
    "positive": "the name in the row's language; a few are the same",
    "language": f"one of {', '.join(LANGUAGES)}",
    "concept": "kind and code: territory/DE, currency/JPY",
    "kind": "territory, region, language, script, currency, unit or city",
    "group": "what it shares with others of its kind: the part of the world (Europe, Asia, ...) of a "
    "territory or city, of the first territory that uses a currency, of where a language or script is used "
    "most; a unit's quantity; empty where none is known",
    "id": "concept and language",
}
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])

MAINLANDS = ("Europe", "America", "Australia")
PARENTHESES = re.compile(r"\s*[(（].*?[)）]")

Names = dict[str, str]  # code -> name

Options = RecipeOptions


def source(options: RecipeOptions) -> str:  # noqa: ARG001
    """The versions of Babel and CLDR."""
    babel = _babel()
    return f"babel {babel.__version__}, CLDR {babel.core.get_global('cldr')['version']}"


def rows(options: RecipeOptions) -> Rows:
    """Both splits, by concept, then by language.

    Raises:
        InputError: if Babel is not installed.
    """
    babel = _babel()
    names = {language: _names(babel, language) for language in ("en", *LANGUAGES)}
    groups = _groups(babel)
    found = list(_rows(names, groups))
    tied = components(_ties(found))
    test = held_out(Counter(tied[row["concept"]] for row in found), TEST_SHARE, options.seed)
    return {
        "train": (row for row in found if tied[row["concept"]] not in test),
        "test": (row for row in found if tied[row["concept"]] in test),
    }


def _babel() -> Any:
    return need("babel", "babel")


def _rows(names: Mapping[str, Names], groups: Mapping[str, str]) -> Iterator[Row]:
    for concept, english in sorted(names["en"].items()):
        for language in LANGUAGES:
            if concept in names[language]:
                yield {
                    "query": english,
                    "positive": names[language][concept],
                    "language": language,
                    "concept": concept,
                    "kind": concept.partition("/")[0],
                    "group": groups.get(concept, ""),
                    "id": f"{concept}/{language}",
                }


def _ties(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Concepts and their names."""
    for row in rows:
        for name in (row["query"], row["positive"]):
            yield row["concept"], f"name {PARENTHESES.sub('', name).casefold()}"


def _names(babel: Any, language: str) -> Names:
    """concept -> its name in a language; what has none there is left out."""
    locale = babel.Locale.parse(language)
    found = {f"{_territory_kind(code)}/{code}": name for code, name in locale.territories.items()}
    found |= {f"language/{code}": name for code, name in locale.languages.items()}
    found |= {f"script/{code}": name for code, name in locale.scripts.items()}
    found |= {f"currency/{code}": name for code, name in locale.currencies.items()}
    named = {concept: name for concept, name in found.items() if name != concept.partition("/")[2]}
    # CLDR leaves a long form out where it is the short one.
    units = {
        code: forms.get("long", forms.get("short")) for code, forms in locale.unit_display_names.items()
    }
    named |= {f"unit/{code}": name for code, name in units.items() if name}
    return named | {f"city/{zone}": name for zone, name in _cities(babel, locale)}


def _territory_kind(code: str) -> str:
    return "region" if code.isdigit() else "territory"


def _cities(babel: Any, locale: Any) -> Iterator[tuple[str, str]]:
    """Zones that are named after a city, in a language; English ones are spelt out in the zone's name."""
    for zone in sorted(babel.core.get_global("zone_territories")):
        name = locale.time_zones.get(zone, {}).get("city")
        if name is None and locale.language == "en":
            name = zone.rpartition("/")[2].replace("_", " ")
        if name is not None and not zone.startswith("Etc/"):
            yield zone, name


def _groups(babel: Any) -> dict[str, str]:
    """concept -> its group."""
    zones = babel.core.get_global("territory_zones")
    likely = babel.core.get_global("likely_subtags")
    parts = {code: part for code, names in zones.items() if (part := _part(names))}
    found = {f"territory/{code}": part for code, part in parts.items()}
    for zone in babel.core.get_global("zone_territories"):
        found[f"city/{zone}"] = _part([zone])
    for tag, full in likely.items():
        kind, code = ("script", tag[4:]) if re.fullmatch("und_[A-Z][a-z]{3}", tag) else ("language", tag)
        found[f"{kind}/{code}"] = parts.get(full.rpartition("_")[2], "")
    for territory, currencies in sorted(babel.core.get_global("territory_currencies").items()):
        for currency, *_ in currencies if territory in parts else ():
            found.setdefault(f"currency/{currency}", parts[territory])
    for unit in babel.Locale.parse("en").unit_display_names:
        found[f"unit/{unit}"] = unit.partition("-")[0]
    return found


def _part(zones: Iterable[str]) -> str:
    """The part of the world that time zones are in; the mainland's, of several."""
    parts = {zone.partition("/")[0] for zone in zones} - {"Etc"}
    return min(
        parts, key=lambda part: (MAINLANDS.index(part) if part in MAINLANDS else 9, part), default=""
    )
