"""Pairs of texts with one label: every label's texts are permuted, and neighbours become a pair.

The pairs of a pass depend on the seed and on the number of the pass alone, so any process knows the pair
that a place in the order stands for. Classes can be balanced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import check_length, pad_lists
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE, Batch, Transform

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ints = NDArray[np.int64]
Balance = Literal["none", "extend"]

# Shape legend: N texts, M pairs of a pass, Y labels.


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their labels.

    Attributes:
        texts: N texts.
        labels_N: The number of each one's label.
        names: The Y labels' texts, by number.
    """

    texts: tuple[str, ...]
    labels_N: Ints
    names: tuple[str, ...]

    @classmethod
    def collect(cls, rows: Iterable[tuple[str, str]], more_than: int = 1) -> LabelledTexts:
        """From (text, label).

        Args:
            rows: In order; repeated texts count as often as they come.
            more_than: Labels with so many texts or fewer are dropped; 1 at least, for a pair needs two.

        Raises:
            InputError: if fewer than two labels are left.
        """
        found = list(rows)
        counts = Counter(label for _, label in found)
        names = tuple(sorted(label for label, count in counts.items() if count > max(1, more_than)))
        if len(names) < 2:
            raise InputError(
                f"{len(names)} labels have more than {more_than} texts", expected="two labels or more"
            )
        numbers = {name: number for number, name in enumerate(names)}
        kept = [(text, numbers[label]) for text, label in found if label in numbers]
        texts, labels = zip(*kept, strict=True)
        return cls(texts, np.array(labels, np.int64), names)

    def save(self, file: Path) -> None:
        """Write a Parquet file with columns ``text`` and ``label``, the label's text."""
        names = pa.array(self.names)
        table = pa.table(
            {"text": list(self.texts), "label": pa.DictionaryArray.from_arrays(self.labels_N, names)}
        )
        pq.write_table(table, file)

    @classmethod
    def load(cls, file: Path) -> LabelledTexts:
        """Read what :meth:`save` wrote."""
        table = pq.read_table(file)
        labels = table["label"].to_pylist()
        names = tuple(sorted(set(labels)))
        numbers = {name: number for number, name in enumerate(names)}
        return cls(
            tuple(table["text"].to_pylist()), np.array([numbers[one] for one in labels], np.int64), names
        )


def label_pairs(labels_N: Ints, balance: Balance, rng: np.random.Generator) -> Ints:
    """One pass: ``(M, 2)`` numbers of texts that share a label, in random order.

    ``none``: the n texts of a label give n - 1 pairs of neighbours. ``extend``: every label is cycled, and
    permuted again at the end of each round, until it has as many pairs as the largest label has texts.

    Args:
        labels_N: Number of each text's label; each label has two texts or more.
        balance: How many pairs a label gives.
        rng: Draws the permutations and the order.
    """
    order_N = np.argsort(labels_N, kind="stable")
    groups = np.split(order_N, np.flatnonzero(np.diff(labels_N[order_N])) + 1)
    largest = max(map(len, groups))
    pairs = []
    for group in groups:
        if balance == "none":
            mixed = rng.permutation(group)
            pairs.append(np.stack([mixed[:-1], mixed[1:]], axis=1))
        else:
            pairs.append(_cycled(group, largest, rng))
    pairs_M2 = np.concatenate(pairs)
    return pairs_M2[rng.permutation(len(pairs_M2))]


def _cycled(group: Ints, wanted: int, rng: np.random.Generator) -> Ints:
    """``(wanted, 2)`` neighbours; no pair spans two permutations, so no text is paired with itself."""
    parts, have = [], 0
    while have < wanted:
        mixed = rng.permutation(group)
        parts.append(np.stack([mixed[:-1], mixed[1:]], axis=1))
        have += len(mixed) - 1
    return np.concatenate(parts)[:wanted]


@dataclass(frozen=True)
class PairSchedule:
    """Which pair stands at which place, for ever: pass after pass, each in an order of its own.

    Attributes:
        file: Of the labelled texts.
        balance: See :func:`label_pairs`.
        seed: Of all passes.
    """

    file: Path
    balance: Balance
    seed: int

    @property
    def data(self) -> LabelledTexts:
        """The labelled texts; read once a process."""
        return _load(self.file)

    def pair(self, place: int, stream: int = 0) -> tuple[str, str, int]:
        """The pair at a place, 0 or more: a text, its partner, and the number of their label.

        Args:
            place: Of all passes, end to end.
            stream: Different streams have different orders.
        """
        number, row = divmod(place, self.length)
        left, right = _pass(self.file, self.balance, self.seed, stream, number)[row].tolist()
        return self.data.texts[left], self.data.texts[right], int(self.data.labels_N[left])

    @property
    def length(self) -> int:
        """Pairs of a pass, M."""
        return len(_pass(self.file, self.balance, self.seed, 0, 0))


@lru_cache(maxsize=8)
def _load(file: Path) -> LabelledTexts:
    return LabelledTexts.load(file)


@lru_cache(maxsize=16)
def _pass(file: Path, balance: Balance, seed: int, stream: int, number: int) -> Ints:
    return label_pairs(_load(file).labels_N, balance, np.random.default_rng((seed, stream, number)))


class LabelledPairTransform(Transform):
    """Gives each sample the pairs of its place: one of every schedule.

    The corpus says how many samples there are and in which order they come; which pair a sample stands for
    is the schedule's business, so the texts are not read from its rows. Epoch e of a corpus of R rows
    covers places e R to (e + 1) R - 1, and the pairs of a pass are all seen before the next one begins.

    Args:
        tokenizer: The model's tokenizer.
        schedules: Name -> where its pairs come from.
        rows: R; of several corpora, of all.
        length: Texts are cut to this many tokens.
        max_length: The most that the model reads.
        columns: A column that the corpus must have.

    Raises:
        InputError: if ``length`` exceeds ``max_length``.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        schedules: Mapping[str, PairSchedule],
        *,
        rows: int,
        length: int,
        max_length: int,
        columns: tuple[str, ...],
    ) -> None:
        self.tokens = PortableTokenizer(tokenizer)
        self.schedules = dict(schedules)
        self.rows = rows
        self.length = check_length("length", length, max_length)
        self.columns = columns  # type: ignore[misc]  # of this use, not of the class

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Of each schedule ``anchor_ids.NAME`` and ``partner_ids.NAME``, token ids, and ``label.NAME``."""
        places = rows[EPOCH].to_numpy().astype(np.int64) * self.rows + rows[SAMPLE].to_numpy()
        streams = rows[SOURCE].to_pylist() if SOURCE in rows.column_names else [0] * len(places)
        columns: dict[str, pa.Array] = {}
        for name, schedule in self.schedules.items():
            found = [
                schedule.pair(place, stream) for place, stream in zip(places.tolist(), streams, strict=True)
            ]
            anchors, partners, labels = zip(*found, strict=True) if found else ((), (), ())
            columns[f"anchor_ids.{name}"] = self.tokens.encode(list(anchors), self.length)
            columns[f"partner_ids.{name}"] = self.tokens.encode(list(partners), self.length)
            columns[f"label.{name}"] = pa.array(labels, pa.int64())
        return pa.table(columns)

    def collate(self, rows: pa.Table) -> Batch:
        """Of each schedule ``anchor_ids``, ``partner_ids`` and their masks (B, T), ``label`` (B,)."""
        import torch

        batch: Batch = {}
        for name in self.schedules:
            for side in ("anchor", "partner"):
                ids, mask = pad_lists(rows[f"{side}_ids.{name}"], self.tokens.pad_id, limit=self.length)
                batch[f"{side}_ids.{name}"], batch[f"{side}_mask.{name}"] = ids, mask
            batch[f"label.{name}"] = torch.from_numpy(rows[f"label.{name}"].to_numpy().copy())
        return batch
