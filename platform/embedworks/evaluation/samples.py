"""What a model got on each sample of a task, kept in a parquet file beside the scores.

A test of two models needs more than two means: it pairs what both got on the same query, pair or text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedworks.corpora.atomic import new_file
from embedworks.errors import InputError

Numbers = NDArray[np.float64]
KEY = b"embedworks"

# Shape legend: N samples, R resamples.


@dataclass(frozen=True)
class Samples:
    """One model on one task.

    Attributes:
        ids: N names: a query's id, else the row's number.
        parts: N names of what the task averages over, such as ``test/default``; equal weight each.
        values: ``(N,)``, each sample's share of the main score, which is the mean of the parts' means.
        predicted: ``(N,)`` similarities where the main score is Spearman's correlation, else None.
        gold: ``(N,)`` right similarities, likewise.
    """

    ids: tuple[str, ...]
    parts: tuple[str, ...]
    values: Numbers
    predicted: Numbers | None = None
    gold: Numbers | None = None

    @property
    def score(self) -> float:
        """The task's main score."""
        return float(np.mean([self.values[rows].mean() for rows in self.rows().values()]))

    def rows(self) -> dict[str, NDArray[np.intp]]:
        """Part -> its samples' places."""
        names, places = np.unique(np.array(self.parts), return_inverse=True)
        return {str(name): np.flatnonzero(places == number) for number, name in enumerate(names)}


def mean_samples(by_part: Mapping[str, Mapping[str, float]]) -> Samples:
    """Samples of a main score that is a mean, from part -> id -> value."""
    rows = [(key, part, value) for part, values in by_part.items() for key, value in values.items()]
    ids, parts, values = zip(*rows, strict=True)
    return Samples(ids, parts, np.array(values, float))


def rank_samples(by_part: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Samples:
    """Samples of a main score that is Spearman's correlation, from part -> (predicted, gold).

    A pair's share is the product of its two standardised ranks: their mean is the correlation.
    """
    ids: list[str] = []
    parts: list[str] = []
    for part, (predicted, _) in by_part.items():
        ids += map(str, range(len(predicted)))
        parts += [part] * len(predicted)
    pairs = [np.array(pair, float) for pair in by_part.values()]
    values = [standard_ranks(predicted) * standard_ranks(gold) for predicted, gold in pairs]
    predicted, gold = np.concatenate(pairs, axis=1)
    return Samples(tuple(ids), tuple(parts), np.concatenate(values), predicted, gold)


def standard_ranks(values_N: Numbers) -> Numbers:
    """Ranks with mean 0 and variance 1, equal values sharing one; zeros where all are equal."""
    from scipy.stats import rankdata

    ranks_N = rankdata(values_N) - (len(values_N) + 1) / 2
    spread = float(ranks_N.std())
    return np.asarray(ranks_N / spread if spread else ranks_N, float)


def average_seeds(runs: Sequence[Samples]) -> Samples:
    """One model of several seeds: each sample's mean share.

    Seeds are not independent samples of a task, so they are averaged before any test.

    Raises:
        InputError: if the runs do not have the same samples.
    """
    aligned = [align(runs[0], run)[1] for run in runs]
    values = np.mean([run.values for run in aligned], axis=0)
    return Samples(runs[0].ids, runs[0].parts, values)


def align(first: Samples, second: Samples) -> tuple[Samples, Samples]:
    """The second in the order of the first.

    Raises:
        InputError: if they do not have the same samples.
    """
    keys = list(zip(first.parts, first.ids, strict=True))
    places = {key: place for place, key in enumerate(zip(second.parts, second.ids, strict=True))}
    if places.keys() != set(keys) or len(keys) != len(places):
        odd = len(places.keys() ^ set(keys))
        raise InputError(
            f"the two models have different samples: {odd} are of one alone",
            expected="one task, one data set",
        )
    if list(places) == keys:
        return first, second
    order = np.array([places[key] for key in keys])
    predicted, gold = ((None if x is None else x[order]) for x in (second.predicted, second.gold))
    return first, Samples(first.ids, first.parts, second.values[order], predicted, gold)


def write_samples(file: Path, samples: Samples, origin: Mapping[str, str]) -> None:
    """Write a parquet file, whole or not at all.

    Args:
        file: Its columns: ``id``, ``part``, ``value`` and, for similarity, ``predicted`` and ``gold``.
        samples: What is written.
        origin: Kept in the file's metadata: the model, the data.
    """
    columns = {"id": samples.ids, "part": samples.parts, "value": samples.values}
    if samples.predicted is not None and samples.gold is not None:
        columns |= {"predicted": samples.predicted, "gold": samples.gold}
    table = pa.table(columns).replace_schema_metadata({KEY: json.dumps(dict(origin)).encode()})
    file.parent.mkdir(parents=True, exist_ok=True)
    with new_file(file) as partial:
        pq.write_table(table, partial)


def read_samples(file: Path) -> Samples:
    """Read what :func:`write_samples` wrote.

    Raises:
        InputError: if the file is not there, or is another one.
    """
    try:
        table = pq.read_table(file)
        columns = {name: table[name].to_numpy() for name in table.column_names}
        predicted, gold = columns.get("predicted"), columns.get("gold")
        ids, parts = (tuple(map(str, columns[name])) for name in ("id", "part"))
        return Samples(ids, parts, columns["value"], predicted, gold)
    except (OSError, KeyError, pa.ArrowInvalid) as error:
        what = f"{file} holds no samples of a task"
        raise InputError(what, expected="a parquet file that an evaluation wrote") from error


def origin_of(file: Path) -> dict[str, str]:
    """What the file's samples come from; nothing where there is no such file."""
    if not file.is_file():
        return {}
    origin: dict[str, str] = json.loads((pq.read_schema(file).metadata or {}).get(KEY, b"{}"))
    return origin
