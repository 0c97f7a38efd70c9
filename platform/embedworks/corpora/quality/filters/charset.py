"""Removes texts with few letters, or with letters of other scripts."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa
import regex
from pydantic import Field, field_validator

from embedworks.corpora.quality.contract import FilterConfig, QualityFilter, texts_of, verdicts

LETTER = regex.compile(r"[\p{L}\p{M}]")
VISIBLE = regex.compile(r"\S")


class Config(FilterConfig):
    """Keys of `charset`."""

    column: str = Field(description="the text that is measured")
    min_letters: float = Field(
        default=0.5, ge=0, le=1, description="least share of letters among characters that are no space"
    )
    scripts: tuple[str, ...] = Field(
        default=(), description="Unicode scripts, such as Latin or Han; empty: any"
    )
    min_share: float = Field(
        default=0.9, ge=0, le=1, description="least share of these scripts among the letters"
    )

    @field_validator("scripts")
    @classmethod
    def _known(cls, scripts: tuple[str, ...]) -> tuple[str, ...]:
        for script in scripts:
            try:
                regex.compile(rf"\p{{Script={script}}}")
            except regex.error as error:
                raise ValueError(f"unknown script {script!r}") from error
        return scripts


class Filter(QualityFilter[Config]):
    """Counts letters, marks that combine with them, and their scripts. An empty text has no letters."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The text's column."""
        return (self.config.column,)

    def measure(self, rows: pa.Table) -> pa.Table:
        """Verdicts, with the share that is too small."""
        return verdicts(map(self._verdict, texts_of(rows, self.columns)))

    def _verdict(self, text: str) -> tuple[str, str] | None:
        letters, visible = len(LETTER.findall(text)), len(VISIBLE.findall(text))
        share = letters / visible if visible else 0.0
        if share < self.config.min_letters:
            return "few letters", f"{share:.2f}"
        if self.config.scripts and letters:
            share = len(_pattern(self.config.scripts).findall(text)) / letters
            if share < self.config.min_share:
                return "other scripts", f"{share:.2f}"
        return None


@lru_cache(maxsize=8)
def _pattern(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    """Letters of these scripts, and the marks that any script may borrow."""
    any_of = "".join(rf"\p{{Script={script}}}" for script in (*scripts, "Inherited"))
    return regex.compile(rf"[[{any_of}]&&[\p{{L}}\p{{M}}]]", regex.V1)
