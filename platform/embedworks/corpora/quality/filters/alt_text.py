"""Removes image-text pairs by size and frequency alone (ALIGN, Jia et al., arXiv 2102.05918, section 3).

Two passes: every text, image and n-gram of the raw corpus is counted, then each row is judged by these
counts. It therefore belongs in front of other filters; or `raw` names the corpus that is counted.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Self

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.quality.contract import VERDICT, FilterConfig, QualityFilter, Resources, texts_of
from embedworks.corpora.quality.frequency import Grams, among_most_frequent, occurrences, partners
from embedworks.corpora.quality.measure import chunked
from embedworks.corpora.quality.text import fold, ngram_hashes, string_hashes, word_hashes, words
from embedworks.errors import InputError, first_line

# Shape legend: N rows, G n-grams of all of them.
SIDES = ("shorter", "longer")

Broken = dict[int, str]  # row that breaks a rule -> the number or the words that do it


class Raw(BaseModel):
    """The corpus whose counts decide."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(description="name of a corpus, or a folder of shards")
    split: str = Field(default="train", description="which split")


class Config(FilterConfig):
    """Keys of `alt-text`; the defaults are ALIGN's, for a corpus of two billion pairs."""

    text: str = Field(default="text", description="column of the alt-text")
    image: str | None = Field(
        default="image", description="column of the encoded image; null: every row is an image of its own"
    )
    max_images: int = Field(default=10, ge=1, description="most images that may share a text")
    min_words: int = Field(default=3, ge=1, description="least number that stays")
    max_words: int = Field(default=20, ge=1, description="greatest number that stays")
    most_frequent: int | None = Field(
        default=100_000_000,
        ge=1,
        description="a text with a word or a pair of words outside so many most frequent ones goes (those "
        "that tie with the last one are inside); null: no limit",
    )
    min_count: int = Field(default=1, ge=1, description="a text with a word that is rarer goes")
    max_texts: int = Field(default=1000, ge=1, description="most different texts of an image")
    side_above: int = Field(default=200, ge=0, description="pixels; the shorter side has to be longer")
    aspect_below: float = Field(
        default=3, gt=1, description="longer side over shorter side has to be smaller"
    )
    raw: Raw | None = Field(
        default=None,
        description="a corpus to count in, for one that is filtered again; null: the rows seen",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError("min_words is above max_words")
        return self


class Filter(QualityFilter[Config]):
    """Holds the texts and some 16 bytes for each of their words while it judges.

    Texts are compared, and words counted, as :func:`..text.words` reads them: folded.
    """

    any_type = True

    def __init__(self, config: Config, resources: Resources) -> None:
        super().__init__(config, resources)
        self.raw = resources.corpus(config.raw.source) if config.raw else None

    @property
    def columns(self) -> tuple[str, ...]:
        """Text and, where it has one, image."""
        return tuple(column for column in (self.config.text, self.config.image) if column)

    def measure(self, rows: pa.Table) -> pa.Table:
        """Hashes of text, image, words and pairs of words, and both sides of the image in pixels.

        Raises:
            InputError: for an image that cannot be read.
        """
        texts = texts_of(rows, (self.config.text,))
        hashes = word_hashes([words(text) for text in texts])
        columns = {
            "text": pa.array(texts, pa.string()),
            "text_key": string_hashes([" ".join(fold(text).split()) for text in texts]),
            "words": _lists(*ngram_hashes(*hashes, 1)),
            "pairs": _lists(*ngram_hashes(*hashes, 2)),
        }
        if self.config.image:
            images = rows[self.config.image].to_pylist()
            columns["image_key"] = np.array([_image_key(image) for image in images], dtype=np.uint64)
            sides = np.array([_sides(image) for image in images], dtype=np.int64).reshape(-1, 2)
            columns |= dict(zip(SIDES, sides.T, strict=True))
        return pa.table(columns)

    def judge(self, measured: pa.Table, rows_N: np.ndarray) -> pa.Table:  # noqa: ARG002
        """The first rule that a row breaks is its reason."""
        reasons, details = (np.full(len(measured), None, dtype=object) for _ in VERDICT)
        for reason, broken in self._rules(measured, self._raw() or measured):
            for row, detail in broken.items():
                if reasons[row] is None:
                    reasons[row], details[row] = reason, detail
        return pa.table([pa.array(column, pa.string()) for column in (reasons, details)], schema=VERDICT)

    def _raw(self) -> pa.Table | None:
        if self.raw is None or self.config.raw is None:
            return None
        corpus, split = open_corpus(self.raw), self.config.raw.split
        rows_R = np.arange(corpus.rows(split))
        chunks = chunked(rows_R, self.chunk_rows)
        return pa.concat_tables(self.measure(corpus.read(split, chunk, self.columns)) for chunk in chunks)

    def _rules(self, measured: pa.Table, raw: pa.Table) -> Iterator[tuple[str, Broken]]:
        """(reason, rows that break it) of each rule in turn."""
        if self.config.image:
            yield from self._image_rules(measured, raw)
        yield self._shared_text(measured, raw)
        yield from self._length_rules(measured)
        yield from self._frequency_rules(measured, raw)

    def _image_rules(self, measured: pa.Table, raw: pa.Table) -> Iterator[tuple[str, Broken]]:
        config = self.config
        short_N, long_N = (measured[side].to_numpy() for side in SIDES)
        yield (
            f"shorter side not above {config.side_above} px",
            _where(short_N <= config.side_above, short_N),
        )
        wide_N = long_N >= config.aspect_below * short_N
        yield f"aspect ratio not below {config.aspect_below:g}", _where(wide_N, long_N / short_N.clip(1))
        texts_N = partners(
            measured["image_key"].to_numpy(), raw["image_key"].to_numpy(), raw["text_key"].to_numpy()
        )
        yield f"image of more than {config.max_texts} texts", _where(texts_N > config.max_texts, texts_N)

    def _shared_text(self, measured: pa.Table, raw: pa.Table) -> tuple[str, Broken]:
        most = self.config.max_images
        if self.config.image:
            images_N = partners(
                measured["text_key"].to_numpy(), raw["text_key"].to_numpy(), raw["image_key"].to_numpy()
            )
        else:
            images_N = occurrences(measured["text_key"].to_numpy(), raw["text_key"].to_numpy())
        return f"text of more than {most} images", _where(images_N > most, images_N)

    def _length_rules(self, measured: pa.Table) -> Iterator[tuple[str, Broken]]:
        least, most = self.config.min_words, self.config.max_words
        words_N = np.diff(Grams.of(measured, "words").starts_N1)
        yield f"fewer than {least} words", _where(words_N < least, words_N)
        yield f"more than {most} words", _where(words_N > most, words_N)

    def _frequency_rules(self, measured: pa.Table, raw: pa.Table) -> Iterator[tuple[str, Broken]]:
        least, most = self.config.min_count, self.config.most_frequent
        single, pair = (Grams.of(measured, column) for column in ("words", "pairs"))
        raw_R, raw_pairs_R = (Grams.of(raw, column).hashes_G for column in ("words", "pairs"))
        rare_G = occurrences(single.hashes_G, raw_R) < least
        yield f"word rarer than {least}", _named(measured, single.first(rare_G), 1)
        if most is None:
            return
        every_R = np.concatenate([raw_R, raw_pairs_R])
        for grams, size, name in ((single, 1, "word"), (pair, 2, "pair of words")):
            outside_G = ~among_most_frequent(grams.hashes_G, every_R, most)
            yield f"{name} outside the {most} most frequent", _named(measured, grams.first(outside_G), size)


def _where(broken_N: np.ndarray, shown_N: np.ndarray) -> Broken:
    return {row: f"{shown_N[row]:g}" for row in np.flatnonzero(broken_N).tolist()}


def _named(measured: pa.Table, places: dict[int, int], size: int) -> Broken:
    """Each row's first n-gram that is hit, as words."""
    texts = measured["text"].take(pa.array(list(places), pa.int64())).to_pylist()
    found = zip(places.items(), texts, strict=True)
    return {row: " ".join(words(text)[place : place + size]) for (row, place), text in found}


def _lists(hashes_G: np.ndarray, starts_N1: np.ndarray) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(starts_N1.astype(np.int64), pa.array(hashes_G, pa.uint64()))


def _image_key(image: bytes | None) -> int:
    return int.from_bytes(hashlib.blake2b(image or b"", digest_size=8).digest(), "little")


def _sides(image: bytes | None) -> tuple[int, int]:
    """Shorter and longer side in pixels, from the file's header; 0 where there is no image."""
    from PIL import Image

    if not image:
        return 0, 0
    try:
        with Image.open(io.BytesIO(image)) as opened:
            shorter, longer = sorted(opened.size)
    except OSError as error:
        raise InputError(f"an image that cannot be read: {first_line(error)}") from error
    return shorter, longer
