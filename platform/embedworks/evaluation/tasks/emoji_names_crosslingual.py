"""Find an emoji's English name by its name in another language; held-out emoji only.

Thirteen languages in six scripts. A model of English scores on those that share its letters and words, and
fails on the others, so the mean tells how far a model reaches beyond English.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.labelled import matching_task, unambiguous
from embedworks.evaluation.languages import subset_languages
from embedworks.evaluation.local import About

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskBitextMining

NAME = "emoji-names-crosslingual"
corpora = ("emoji-names",)

LANGUAGES = ("ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
MAX_PAIRS = 250  # of each language

ABOUT = About(
    name=NAME,
    description=(
        "Names of emoji that no training row has, in a language and in English: find the English one of "
        "each. Names that are the same, or that two emoji have, are left out. The mean over languages."
    ),
    kind="BitextMining",
    main_score="f1",
    domains=("Web", "Written"),
    license="https://www.unicode.org/license.txt",
    languages=subset_languages(LANGUAGES),
)


def build(corpora: Mapping[str, Corpus]) -> AbsTaskBitextMining:
    """The task from the test split of ``emoji-names``."""
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in corpora["emoji-names"].iter_rows("test", columns=["query", "names"]):
        for name in row["names"]:
            pairs[name["language"]].append((name["name"], row["query"]))
    return matching_task(ABOUT, {f"{one}-en": unambiguous(pairs[one], MAX_PAIRS) for one in LANGUAGES})
