"""Removes training rows that overlap with evaluation texts (GPT-3, Brown et al., 2020, appendix C)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.quality.contract import (
    FilterConfig,
    QualityFilter,
    Resources,
    as_text,
    texts_of,
    verdicts,
)
from embedworks.corpora.quality.overlap import OverlapIndex


class Reference(BaseModel):
    """A split that training rows must not overlap with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(description="name of a corpus, or a folder of shards")
    split: str = Field(default="test", description="which split")
    columns: tuple[str, ...] = Field(default=(), description="its texts; empty: the filter's own columns")


class Config(FilterConfig):
    """Keys of `decontaminate`."""

    columns: tuple[str, ...] = Field(min_length=1, description="columns that are compared, each by itself")
    against: tuple[Reference, ...] = Field(default=(), description="splits with evaluation texts")
    tasks: tuple[str, ...] = Field(default=(), description="evaluation tasks, by name, all their texts")
    ngram: int = Field(default=13, ge=1, description="words that two texts must not share in a row")
    short_ngram: int = Field(
        default=8, ge=1, description="the same where one of the two has fewer than `ngram` words"
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not (self.against or self.tasks):
            raise ValueError("neither against nor tasks is given")
        if self.short_ngram > self.ngram:
            raise ValueError("short_ngram is above ngram")
        return self


class Filter(QualityFilter[Config]):
    """Carries an index of the evaluation texts: about 24 bytes for each of their words.

    Texts are compared as :func:`..text.words` reads them: folded, without punctuation. A text shorter than
    ``short_ngram`` words is only compared as a whole.
    """

    def __init__(self, config: Config, resources: Resources) -> None:
        super().__init__(config, resources)
        texts = chain(
            (text for reference in config.against for text in _split_texts(reference, config, resources)),
            (text for task in config.tasks for text in resources.task_texts(task)),
        )
        self.index = OverlapIndex.build(texts, config.ngram, config.short_ngram)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are compared."""
        return self.config.columns

    def measure(self, rows: pa.Table) -> pa.Table:
        """Verdicts; the detail is the column and the words that it shares."""
        found: list[tuple[str, str] | None] = [None] * len(rows)
        for column in reversed(self.columns):
            for row, overlap in enumerate(self.index.overlaps(texts_of(rows, [column]))):
                if overlap is not None:
                    found[row] = (overlap[0], f"{column}: {overlap[1]}")
        return verdicts(found)


def _split_texts(reference: Reference, config: Config, resources: Resources) -> Iterator[str]:
    corpus = open_corpus(resources.corpus(reference.source))
    columns = reference.columns or config.columns
    for row in corpus.iter_rows(reference.split, columns):
        yield from (as_text(row[column]) for column in columns)
