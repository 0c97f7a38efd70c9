"""mteb's codes (ISO 639-3 and script) of the languages that the corpora name by ISO 639-1."""

from __future__ import annotations

from collections.abc import Iterable

CODES = {
    "ar": "ara-Arab",
    "de": "deu-Latn",
    "en": "eng-Latn",
    "es": "spa-Latn",
    "fa": "fas-Arab",
    "fr": "fra-Latn",
    "hi": "hin-Deva",
    "id": "ind-Latn",
    "it": "ita-Latn",
    "ja": "jpn-Jpan",
    "ko": "kor-Hang",
    "nl": "nld-Latn",
    "pl": "pol-Latn",
    "pt": "por-Latn",
    "ru": "rus-Cyrl",
    "sw": "swa-Latn",
    "ta": "tam-Taml",
    "tr": "tur-Latn",
    "vi": "vie-Latn",
    "zh": "zho-Hans",
}


def subset_languages(languages: Iterable[str]) -> dict[str, list[str]]:
    """Subset -> its languages, for pairs of each of these with English: ``{"de-en": [...]}``."""
    return {f"{one}-en": [CODES[one], CODES["en"]] for one in languages}
