"""Models of different vocabularies: one tokenizer for the result, and embedding matrices in its order.

A token that every model has keeps each model's own row. One that a single model has is taken from it, for
all of them; one that several have and the base is among them, from the base; any other is the mean of those
that have it (mergekit's rules).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from embedworks.errors import InputError
from embedworks.merging.recipe import TokenRule
from embedworks.merging.tensors import TensorSource

Vocabulary = Mapping[str, int]
Rows = np.ndarray[Any, np.dtype[np.int64]]

MISSING = -1


@dataclass(frozen=True)
class Donors:
    """For one row of the result: the model and row it comes from; several are averaged, none is zero."""

    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class VocabularyMap:
    """How the rows of the models' matrices become those of the result.

    Attributes:
        rows: One array a model: the result's row -> the model's, or ``MISSING``.
        donors: Rows that at least one model takes from elsewhere.
        size: Tokens of the result.
        padded: Rows of the result; those after ``size`` are the mean of all tokens.
    """

    rows: tuple[Rows, ...]
    donors: dict[int, Donors]
    size: int
    padded: int


def map_vocabularies(
    target: Vocabulary,
    models: Sequence[Vocabulary],
    base: int | None = None,
    rules: Mapping[str, tuple[Donors, bool]] | None = None,
    multiple: int = 1,
) -> VocabularyMap:
    """Map every model's rows to those of ``target``.

    Args:
        target: Token -> row of the result.
        models: Token -> row, of each model.
        base: Which model is the base.
        rules: Token -> where it comes from, and whether also in models that have it.
        multiple: The result's rows are filled up to a multiple of it.
    """
    size = max(target.values(), default=-1) + 1
    rows = tuple(np.full(size, MISSING, dtype=np.int64) for _ in models)
    donors: dict[int, Donors] = {}
    for token, row in target.items():
        owners = {m: vocabulary[token] for m, vocabulary in enumerate(models) if token in vocabulary}
        rule, force = (rules or {}).get(token, (None, False))
        for m, own in owners.items():
            rows[m][row] = MISSING if force else own
        if force or len(owners) < len(models):
            donors[row] = rule or _donors(owners, base)
    return VocabularyMap(rows, donors, size, -(-size // multiple) * multiple)


def _donors(owners: Mapping[int, int], base: int | None) -> Donors:
    if base is not None and len(owners) > 1 and base in owners:
        return Donors(((base, owners[base]),))
    return Donors(tuple(owners.items()))


def rule_donors(
    rules: Mapping[str, TokenRule], names: Sequence[str], vocabularies: Sequence[Vocabulary]
) -> dict[str, tuple[Donors, bool]]:
    """Rules of a recipe as rows of models.

    Raises:
        InputError: for a model that is not merged, or a token that it does not have.
    """
    return {
        token: (_rule(token, rule.source, names, vocabularies), rule.force) for token, rule in rules.items()
    }


def _rule(token: str, source: Any, names: Sequence[str], vocabularies: Sequence[Vocabulary]) -> Donors:
    if source is None or source == {"kind": "zero"}:
        return Donors(())
    name = source.get("model") if isinstance(source, Mapping) else source
    if name not in names:
        raise InputError(
            f"token {token!r} comes from {name!r}", expected="a model of the merge", name=name, known=names
        )
    model = names.index(name)
    row = source.get("token_id") if isinstance(source, Mapping) else None
    if row is None:
        wanted = source.get("token", token) if isinstance(source, Mapping) else token
        row = vocabularies[model].get(wanted)
    if row is None:
        raise InputError(f"{name} has no token for {token!r}", expected="a token of its vocabulary")
    return Donors(((model, int(row)),))


@dataclass(frozen=True)
class Remapped:
    """One model's matrix in the rows of the result.

    Attributes:
        matrices: Those of all models, by the numbers that the map uses.
        index: Which of them this is.
        map: The rows.
    """

    matrices: tuple[TensorSource, ...]
    index: int
    map: VocabularyMap

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows of the result, and what a row is."""
        return (self.map.padded, *self._own.shape[1:])

    @property
    def dtype(self) -> torch.dtype:
        """As the model stores it; what is read is float32."""
        return self._own.dtype

    @property
    def _own(self) -> TensorSource:
        return self.matrices[self.index]

    def read(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Read elements; only the rows that hold them are looked up. Returns float32."""
        width = prod(self.shape[1:])
        stop = prod(self.shape) if stop is None else stop
        first, last = start // width, -(-stop // width)
        return (
            self._rows(first, last, width).reshape(-1)[start - first * width : stop - first * width].clone()
        )

    def _rows(self, first: int, last: int, width: int) -> Tensor:
        result = torch.zeros(last - first, width)
        known = self.map.rows[self.index][first : min(last, self.map.size)]
        for place, source, count in runs(known):
            block = self._own.read(source * width, (source + count) * width)
            result[place : place + count] = block.view(count, width)
        for place in np.flatnonzero(known == MISSING).tolist():
            result[place] = self._donated(first + place, width)
        if last > self.map.size:
            result[max(0, self.map.size - first) :] = self._mean(width)
        return result

    def _donated(self, row: int, width: int) -> Tensor:
        donors = self.map.donors.get(row, Donors(())).rows
        rows = [self.matrices[m].read(r * width, (r + 1) * width).float() for m, r in donors]
        return torch.stack(rows).mean(0) if rows else torch.zeros(width)

    def _mean(self, width: int) -> Tensor:
        total = torch.zeros(width, dtype=torch.float64)
        for first in range(0, self.map.size, 4096):
            total += self._rows(first, min(first + 4096, self.map.size), width).double().sum(0)
        return (total / max(1, self.map.size)).float()


@dataclass(frozen=True)
class Cut:
    """The first rows of a matrix, for models whose vocabularies agree and whose matrices are filled up."""

    whole: TensorSource
    rows: int

    @property
    def shape(self) -> tuple[int, ...]:
        """With fewer rows."""
        return (self.rows, *self.whole.shape[1:])

    @property
    def dtype(self) -> torch.dtype:
        """As stored."""
        return self.whole.dtype

    def read(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Read elements."""
        return self.whole.read(start, prod(self.shape) if stop is None else stop)


def runs(rows: Rows) -> list[tuple[int, int, int]]:
    """Stretches of rows that follow one another, as (place, row, count): few reads instead of many."""
    if not len(rows):
        return []
    breaks = np.flatnonzero((np.diff(rows) != 1) | (rows[1:] == MISSING) | (rows[:-1] == MISSING)) + 1
    starts = [0, *breaks.tolist()]
    ends = [*breaks.tolist(), len(rows)]
    return [(a, int(rows[a]), b - a) for a, b in zip(starts, ends, strict=True) if rows[a] != MISSING]
