"""Find the English name of a territory, language, currency, ... by its name in another language.

Nineteen languages in ten scripts; concepts that no training row has in any language. Names sound alike
across languages that share letters, so characters alone reach part of it; the rest has to be known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import matching_task, unambiguous
from embedworks.evaluation.languages import CODES, subset_languages
from embedworks.evaluation.local import About

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskBitextMining

NAME = "cldr-names-crosslingual"
corpora = ("cldr-names",)

LANGUAGES = tuple(code for code in CODES if code != "en")
MAX_PAIRS = 100  # of each language

ABOUT = About(
    name=NAME,
    description=(
        "Names of the Unicode CLDR in a language and in English, of concepts that no training row has: "
        f"find the English one of each; at most {MAX_PAIRS} a language, chosen by hash. Names that are the "
        "same, or that two concepts have, are left out. The mean over languages."
    ),
    kind="BitextMining",
    main_score="f1",
    domains=("Encyclopaedic", "Written"),
    license="https://www.unicode.org/license.txt",
    languages=subset_languages(LANGUAGES),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskBitextMining:
    """The task from the test split of ``cldr-names``."""
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in corpora["cldr-names"].iter_rows("test", columns=["query", "positive", "language"]):
        pairs[row["language"]].append((row["positive"], row["query"]))
    return matching_task(ABOUT, {f"{one}-en": unambiguous(pairs[one], MAX_PAIRS) for one in LANGUAGES})
