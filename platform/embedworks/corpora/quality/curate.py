"""The door of quality: a corpus through filters, in the order given, to a corpus that is like any other.

Filters see the rows that those before them left. The result depends on the corpus and the filters alone,
not on how many workers measured.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.corpora.quality.contract import DETAIL, REASON, QualityFilter, Resources, is_text
from embedworks.corpora.quality.find import NAME, make_filter
from embedworks.corpora.quality.measure import measure
from embedworks.corpora.quality.output import REMOVED, Passage, write_kept, write_removed
from embedworks.errors import InputError


@dataclass(frozen=True)
class Count:
    """What one filter did.

    Attributes:
        filter: Its name.
        rows: Rows that it saw.
        removed: Reason -> rows that it took out, most frequent first.
    """

    filter: str
    rows: int
    removed: dict[str, int]

    @property
    def kept(self) -> int:
        """Rows that it left."""
        return self.rows - sum(self.removed.values())

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {rows}" for reason, rows in self.removed.items())
        return f"{self.filter}: {self.kept} of {self.rows} rows stay" + (f" ({reasons})" if reasons else "")


@dataclass(frozen=True)
class Curated:
    """What curating gave.

    Attributes:
        folder: The corpus.
        digest: Of its manifest.
        counts: One a filter, in order.
    """

    folder: Path
    digest: str
    counts: tuple[Count, ...]


def curate(
    source: str | Path,
    out: Path,
    filters: Sequence[Mapping[str, Any]],
    *,
    split: str = "train",
    limit: int | None = None,
    workers: int = 0,
    name: str | None = None,
    removed: Path | None = None,
    resources: Resources | None = None,
    listen: Callable[[Count], None] | None = None,
) -> Curated:
    """Filter one split of a corpus into ``out``, which appears when complete; other splits are copied.

    Args:
        source: A corpus folder.
        out: A new folder.
        filters: Blocks of a ``name`` and the filter's own keys.
        split: The split that is filtered.
        limit: Take only its first so many rows.
        workers: Ray Data tasks at a time, on the Ray cluster that this process has joined; 0: no Ray.
        name: The new corpus's name; by default that of ``out``.
        removed: A Parquet file for the rows that were taken out: their columns, ``__row__`` (the number in
            ``split``), ``__filter__``, ``__reason__`` and ``__detail__``.
        resources: What filters need beyond corpora.
        listen: Called after each filter.

    Raises:
        InputError: for an unknown filter, key, column or split, a folder in use, or if no row stays.
    """
    corpus = open_corpus(source)
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is there already", expected="a new folder")
    made = [(block[NAME], make_filter(block, resources or Resources())) for block in filters]
    check_columns(corpus, made)
    total = corpus.rows(split)
    rows = Passage(np.arange(min(limit or total, total)))
    counts = []
    for filter_name, quality in made:
        counts.append(_apply(filter_name, quality, corpus, split, rows, workers))
        if listen:
            listen(counts[-1])
    if not len(rows.kept_N):
        raise InputError(f"no row of split {split!r} stays: {'; '.join(map(str, counts))}")
    if removed is not None:
        write_removed(removed, corpus, split, rows.gone)
    about = _source(corpus, split, limit, filters, counts)
    write_kept(out, corpus, split, rows, name or out.name, about)
    return Curated(out, open_corpus(out).digest, tuple(counts))


def check_columns(corpus: Corpus, filters: Sequence[tuple[str, QualityFilter[Any]]]) -> None:
    """Refuse filters that read columns which are missing or no text, or add one that is there.

    Raises:
        InputError: naming the filter, the column and the nearest one.
    """
    taken = list(corpus.columns)
    for name, quality in filters:
        for column in quality.columns:
            where = f"filter {name!r}"
            if column not in corpus.columns:
                what = f"corpus {corpus.manifest.name!r} has no column {column!r}"
                raise InputError(
                    what,
                    where=where,
                    expected=f"one of {', '.join(corpus.columns)}",
                    name=column,
                    known=corpus.columns,
                )
            kind = corpus.schema.field(column).type
            if not (quality.any_type or is_text(kind)):
                raise InputError(f"column {column!r} holds {kind}", where=where, expected="text")
        for column in quality.new_columns:
            if column in taken:
                raise InputError(f"there is a column {column!r} already", where=f"filter {name!r}")
            taken.append(column)


def _apply(
    name: str, quality: QualityFilter[Any], corpus: Corpus, split: str, rows: Passage, workers: int
) -> Count:
    """Run one filter on the rows that are left."""
    before_N = rows.kept_N
    measured = measure(quality, corpus, split, before_N, workers)
    verdicts = quality.judge(measured, before_N)
    for column, values_N in quality.written(measured).items():
        rows.added[column] = np.full(corpus.rows(split), np.nan)
        rows.added[column][before_N] = values_N
    goes_N = verdicts[REASON].is_valid().to_numpy()
    gone = verdicts.filter(pa.array(goes_N))
    rows.kept_N = before_N[~goes_N]
    rows.gone.append(
        pa.table([before_N[goes_N], [name] * len(gone), gone[REASON], gone[DETAIL]], schema=REMOVED)
    )
    return Count(name, len(before_N), dict(Counter(gone[REASON].to_pylist()).most_common()))


def _source(
    corpus: Corpus,
    split: str,
    limit: int | None,
    filters: Sequence[Mapping[str, Any]],
    counts: Sequence[Count],
) -> str:
    """What the manifest says of where the rows come from."""
    first = f", first {limit} rows" if limit else ""
    keys = [{key: value for key, value in block.items() if key != NAME} for block in filters]
    steps = [
        f"{count} with {json.dumps(block, ensure_ascii=False, default=str)}"
        for block, count in zip(keys, counts, strict=True)
    ]
    return f"{corpus.manifest.name} {corpus.digest}, split {split!r}{first} curated: {'; '.join(steps)}"
