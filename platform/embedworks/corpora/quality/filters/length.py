"""Removes texts that are too short or too long."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Self

import pyarrow as pa
from pydantic import Field, model_validator

from embedworks.corpora.quality.contract import (
    FilterConfig,
    QualityFilter,
    Resources,
    texts_of,
    verdicts,
)
from embedworks.corpora.quality.text import words
from embedworks.errors import InputError

UNITS = ("characters", "words", "tokens")


class Config(FilterConfig):
    """Keys of `length`; at least one limit."""

    column: str = Field(description="the text that is measured")
    min_characters: int | None = Field(default=None, ge=1, description="least number that stays")
    max_characters: int | None = Field(default=None, ge=1, description="greatest number that stays")
    min_words: int | None = Field(default=None, ge=1, description="least number that stays")
    max_words: int | None = Field(default=None, ge=1, description="greatest number that stays")
    min_tokens: int | None = Field(default=None, ge=1, description="least number that stays")
    max_tokens: int | None = Field(default=None, ge=1, description="greatest number that stays")
    model: str | None = Field(default=None, description="model whose tokenizer.json counts the tokens")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        limits = {unit: self.limits(unit) for unit in UNITS if any(self.limits(unit))}
        if not limits:
            raise ValueError("no limit is given")
        for unit, (least, most) in limits.items():
            if least and most and least > most:
                raise ValueError(f"min_{unit} is above max_{unit}")
        if ("tokens" in limits) != (self.model is not None):
            raise ValueError("limits in tokens and `model` need each other")
        return self

    def limits(self, unit: str) -> tuple[int | None, int | None]:
        """The least and the greatest number of a unit."""
        return getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")


class Filter(QualityFilter[Config]):
    """Counts characters (code points), words, and tokens without special ones."""

    def __init__(self, config: Config, resources: Resources) -> None:
        super().__init__(config, resources)
        self.tokenizer = tokenizer_file(resources.model(config.model)) if config.model else None

    @property
    def columns(self) -> tuple[str, ...]:
        """The text's column."""
        return (self.config.column,)

    def measure(self, rows: pa.Table) -> pa.Table:
        """Verdicts; the first limit that a text misses is its reason."""
        return verdicts(map(self._verdict, texts_of(rows, self.columns)))

    def _verdict(self, text: str) -> tuple[str, str] | None:
        for unit in UNITS:
            least, most = self.config.limits(unit)
            if least is None and most is None:
                continue
            count = self._count(text, unit)
            if least is not None and count < least:
                return f"fewer than {least} {unit}", str(count)
            if most is not None and count > most:
                return f"more than {most} {unit}", str(count)
        return None

    def _count(self, text: str, unit: str) -> int:
        if unit == "characters":
            return len(text)
        if unit == "words":
            return len(words(text))
        assert self.tokenizer is not None
        return count_tokens(self.tokenizer, text)


def tokenizer_file(folder: Path) -> Path:
    """The fast tokenizer of a model folder.

    Raises:
        InputError: if there is none.
    """
    if not (file := folder / "tokenizer.json").is_file():
        raise InputError(f"no tokenizer.json in {folder}", expected="a model with a fast tokenizer")
    return file


def count_tokens(file: Path, text: str) -> int:
    """Tokens of a text, without special ones and however many a model could read."""
    return len(_tokenizer(file).encode(text, add_special_tokens=False).ids)


@lru_cache(maxsize=2)
def _tokenizer(file: Path):  # type: ignore[no-untyped-def]  # tokenizers has no types
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
