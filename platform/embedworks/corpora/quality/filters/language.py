"""Removes texts in other languages, by py3langid: 140 languages, its model comes with the package."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyarrow as pa
from pydantic import Field

from embedworks.corpora.quality.contract import (
    FilterConfig,
    QualityFilter,
    Resources,
    texts_of,
    verdicts,
)
from embedworks.corpora.quality.minhash import EXTRA
from embedworks.errors import InputError


class Config(FilterConfig):
    """Keys of `language`."""

    column: str = Field(description="the text that is read")
    keep: tuple[str, ...] = Field(min_length=1, description="ISO 639-1 codes of the languages that stay")
    min_confidence: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="probability from which a language counts; short texts and code rarely reach it",
    )
    among: tuple[str, ...] = Field(
        default=(), description="the only languages that can occur; empty: all that are known"
    )


class Filter(QualityFilter[Config]):
    """Takes the likeliest language of each text."""

    def __init__(self, config: Config, resources: Resources) -> None:
        super().__init__(config, resources)
        known = sorted(_identifier(()).labels)
        for code in (*config.keep, *config.among):
            if code not in known:
                expected = f"one of {', '.join(known)}"
                raise InputError(
                    f"py3langid does not know the language {code!r}",
                    expected=expected,
                    name=code,
                    known=known,
                )

    @property
    def columns(self) -> tuple[str, ...]:
        """The text's column."""
        return (self.config.column,)

    def measure(self, rows: pa.Table) -> pa.Table:
        """Verdicts, with the language and its probability."""
        return verdicts(map(self._verdict, texts_of(rows, self.columns)))

    def _verdict(self, text: str) -> tuple[str, str] | None:
        code, confidence = _identifier(self.config.among).classify(text)
        detail = f"{code} {confidence:.2f}"
        if confidence < self.config.min_confidence:
            return "no clear language", detail
        return None if code in self.config.keep else ("other language", detail)


@lru_cache(maxsize=4)
def _identifier(among: tuple[str, ...]) -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise InputError("language needs the library py3langid", expected=EXTRA) from error
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(among or None)
    return identifier
