"""Pairs of two kinds of texts about items, relevant or not by how many labels the items share.

An item has a text of the one kind (a query), texts of the other (profiles), labels by which relevance is
graded, and perhaps a list of labels that is known in training. Every sample is an item's query beside a
profile of a relevant item and one of an irrelevant item, drawn anew in every epoch.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.errors import InputError
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import Lists, check_length, pad_lists
from embedworks.transforms.transform import SAMPLE, SOURCE, Batch, Transform, row_rngs

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

# Shape legend: B samples, T tokens, K labels.

TRIES = 50  # at drawing an irrelevant item, before all are looked through
SIDES = ("query", "relevant", "irrelevant")
STRINGS, NUMBERS = pa.list_(pa.string()), pa.list_(pa.int32())
SCHEMA = pa.schema(
    [
        ("source", pa.int32()),
        ("query", pa.string()),
        ("profiles", STRINGS),
        ("labels", STRINGS),
        ("known", NUMBERS),  # null: no list
        ("relevant", NUMBERS),
    ]
)


def jaccard(left: Collection[str], right: Collection[str]) -> float:
    """Shared labels over all labels of two items; 0 where neither has one.

    Example:
        >>> jaccard({"dog", "pet"}, {"pet"})
        0.5
    """
    left, right = set(left), set(right)
    return len(left & right) / len(left | right) if left or right else 0.0


def alike(labels: Sequence[Collection[str]], least: float) -> list[list[int]]:
    """For every item those whose Jaccard index with it is ``least`` or more, itself first."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, own in enumerate(labels):
        for label in set(own):
            holders[label].append(number)
    sizes = [len(set(own)) for own in labels]
    found = []
    for number, own in enumerate(labels):
        shared = Counter(other for label in set(own) for other in holders[label])
        near = (o for o, n in sorted(shared.items()) if n >= least * (sizes[number] + sizes[o] - n))
        found.append([number, *(other for other in near if other != number)])
    return found


def write_items(
    rows: Iterable[Mapping[str, Any]], numbers: Mapping[str, int], least: float, file: Path
) -> None:
    """Write the items of a stage's corpora, each with those that are relevant to it.

    Args:
        rows: ``query``, ``profiles``, ``concepts`` and, where an item has a list, ``listed``; in order.
        numbers: Label -> its number among those that are trained.
        least: Jaccard index from which on two items are relevant to each other.
        file: A Parquet file.

    Raises:
        InputError: for an item without a text of either kind.
    """
    items = []
    for place, row in enumerate(rows):
        if not row["query"] or not row["profiles"]:
            raise InputError(f"item {place} of the corpus has no query or no profile")
        listed = row.get("listed") or None
        known = None if listed is None else sorted({numbers[one] for one in listed if one in numbers})
        items.append((int(row.get(SOURCE, 0)), row["query"], row["profiles"], row["concepts"], known))
    if not items:
        raise InputError("the corpus has no items", expected="rows with a query and profiles")
    source, query, profiles, labels, known = map(list, zip(*items, strict=True))
    columns = [source, query, profiles, labels, known, alike(labels, least)]
    pq.write_table(pa.table(dict(zip(SCHEMA.names, columns, strict=True)), SCHEMA), file)


@dataclass(frozen=True)
class Items:
    """What :func:`write_items` wrote, in memory."""

    queries: list[str]
    profiles: list[list[str]]
    labels: list[frozenset[str]]
    known: list[list[int] | None]
    relevant: list[list[int]]
    firsts: list[int]  # of each source, and the number of all items behind the last

    @classmethod
    def read(cls, file: Path) -> Items:
        """Read a file."""
        table = pq.read_table(file)
        sources = table["source"].to_numpy()
        firsts = np.searchsorted(sources, np.arange(int(sources[-1]) + 2)).tolist()
        labels = [frozenset(own or ()) for own in table["labels"].to_pylist()]
        rest = (table[name].to_pylist() for name in ("query", "profiles", "known", "relevant"))
        queries, profiles, known, relevant = rest
        return cls(queries, profiles, labels, known, relevant, firsts)

    def place(self, source: int, sample: int) -> int:
        """The number of a corpus's item."""
        first, stop = self.firsts[source : source + 2]
        return first + sample % (stop - first)

    def draw(self, place: int, most: float, rng: np.random.Generator) -> tuple[int, int]:
        """A relevant item, and one whose Jaccard index with the item is ``most`` at most.

        Raises:
            InputError: if every item is nearer than that.
        """
        near = self.relevant[place]
        relevant, own = near[rng.integers(len(near))], self.labels[place]
        for other in rng.integers(len(self.labels), size=TRIES).tolist():
            if other != place and jaccard(own, self.labels[other]) <= most:
                return relevant, other
        far = [
            other
            for other, labels in enumerate(self.labels)
            if other != place and jaccard(own, labels) <= most
        ]
        if not far:
            raise InputError(
                f"no item is irrelevant to item {place}: {self.queries[place]!r}",
                where="irrelevant",
                expected="items without shared labels, or a higher limit",
            )
        return relevant, far[rng.integers(len(far))]


_items = lru_cache(maxsize=4)(Items.read)


class GradedPairTransform(Transform):
    """Draws a relevant and an irrelevant item for each sample's item, and tokenises their texts.

    Args:
        tokenizer: The model's tokenizer.
        file: What :func:`write_items` wrote.
        labels: K, how many labels are trained.
        prompts: Put in front of queries, and of profiles.
        lengths: Queries, and profiles, are cut to so many tokens.
        max_length: The most that the model reads.
        irrelevant: Highest Jaccard index of items that are irrelevant to each other.
        seed: Draws derive from it.

    Raises:
        InputError: if a length exceeds ``max_length``.
    """

    columns: ClassVar[tuple[str, ...]] = ("query",)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        file: Path,
        *,
        labels: int,
        prompts: tuple[str, str] = ("", ""),
        lengths: tuple[int, int],
        max_length: int,
        irrelevant: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.tokens = PortableTokenizer(tokenizer)
        self.file = file
        self.labels = labels
        self.prompts = prompts
        query_length = check_length("query_length", lengths[0], max_length)
        self.lengths = (query_length, check_length("profile_length", lengths[1], max_length))
        self.irrelevant = irrelevant
        self.seed = seed

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Of ``query``, ``relevant`` and ``irrelevant`` their ``*_ids`` and ``*_known``, numbers of labels.

        Raises:
            InputError: for an item to which every other one is relevant.
        """
        items = _items(self.file)
        samples = rows[SAMPLE].to_pylist()
        sources = rows[SOURCE].to_pylist() if SOURCE in rows.column_names else [0] * len(samples)
        texts: dict[str, list[str]] = {side: [] for side in SIDES}
        known: dict[str, list[list[int] | None]] = {side: [] for side in SIDES}
        for source, sample, rng in zip(sources, samples, row_rngs(self.seed, rows), strict=True):
            place = items.place(source, sample)
            chosen = (place, *items.draw(place, self.irrelevant, rng))
            for side, other in zip(SIDES, chosen, strict=True):
                profiles = [items.queries[other]] if side == "query" else items.profiles[other]
                texts[side].append(profiles[rng.integers(len(profiles))])
                known[side].append(items.known[other])
        columns = {}
        for side in SIDES:
            columns[f"{side}_ids"] = self._encode(texts[side], int(side != "query"))
            columns[f"{side}_known"] = pa.array(known[side], NUMBERS)
        return pa.table(columns)

    def collate(self, rows: pa.Table) -> Batch:
        """Stack model rows.

        Returns:
            ``query_ids`` and ``query_mask`` ``(B, T)``, ``candidate_ids`` and ``candidate_mask``
            ``(2B, S)``, each query's relevant one first, then its irrelevant one; of both sides
            ``*_labels`` ``(B or 2B, K)`` uint8, 1 for listed labels, and ``*_known`` ``(B or 2B,)``
            bool, false for items without a list.
        """
        candidates = _interleaved(rows["relevant_ids"], rows["irrelevant_ids"])
        known = _interleaved(rows["relevant_known"], rows["irrelevant_known"])
        batch: Batch = {}
        for side, ids, lists, length in (
            ("query", rows["query_ids"], rows["query_known"], self.lengths[0]),
            ("candidate", candidates, known, self.lengths[1]),
        ):
            padded = pad_lists(ids, self.tokens.pad_id, limit=length)
            batch[f"{side}_ids"], batch[f"{side}_mask"] = padded
            batch[f"{side}_labels"], batch[f"{side}_known"] = self._marked(lists.to_pylist())
        return batch

    def _encode(self, texts: Sequence[str], side: int) -> pa.ListArray:
        return self.tokens.encode([self.prompts[side] + text for text in texts], self.lengths[side])

    def _marked(self, lists: Sequence[Sequence[int] | None]) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        marked_BK = torch.zeros(len(lists), self.labels, dtype=torch.uint8)
        for row, own in enumerate(lists):
            marked_BK[row, list(own or ())] = 1
        return marked_BK, torch.tensor([own is not None for own in lists])


def _interleaved(first: Lists, second: Lists) -> pa.Array:
    """Rows of both columns in turn."""
    both = pa.concat_arrays(
        [part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part for part in (first, second)]
    )
    return both.take(pa.array(np.arange(len(both)).reshape(2, -1).T.ravel()))
