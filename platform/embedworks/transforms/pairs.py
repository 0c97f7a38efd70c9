"""Queries with their positives and hard negatives, tokenised and padded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from embedworks.errors import InputError
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import Lists, check_length, pad_lists, texts_of
from embedworks.transforms.transform import SAMPLE, SOURCE, Batch, Transform, row_rngs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Numbers that pass through: batch key, column, type.
EXTRAS = (("score", "score", pa.float32()), ("source", SOURCE, pa.int64()))


class PairTransform(Transform):
    """Tokenises query and positive, and whatever negatives or scores the corpus has.

    Columns: ``query`` and ``positive``; optionally ``negative`` (one text), ``negatives`` (a list of
    texts, of which each epoch draws some) and ``score`` (a graded similarity of the pair).

    Args:
        tokenizer: The model's tokenizer.
        query_length: Queries are cut to this many tokens.
        positive_length: Positives and negatives are cut to this many tokens.
        max_length: The most that the model reads; lengths beyond it are refused.
        hard_negatives: How many are drawn from ``negatives``, where the corpus has them: without
            repetition where a row has enough, anew in every epoch. ``negative`` gives one more,
            whatever the number. Every row brings as many as any other, so that the candidates of all
            workers line up. 0 leaves both columns alone.
        seed: Draws of negatives derive from it.

    Raises:
        InputError: if a length exceeds ``max_length``.
    """

    columns: ClassVar[tuple[str, ...]] = ("query", "positive")
    optional_columns: ClassVar[tuple[str, ...]] = ("negative", "negatives", "score")

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        query_length: int,
        positive_length: int,
        max_length: int,
        hard_negatives: int = 0,
        seed: int = 0,
    ) -> None:
        self.tokens = PortableTokenizer(tokenizer)
        self.query_length = check_length("query_length", query_length, max_length)
        self.positive_length = check_length("positive_length", positive_length, max_length)
        self.hard_negatives = hard_negatives
        self.seed = seed

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Corpus rows to ``query_ids``, ``positive_ids`` and what else there is.

        Raises:
            InputError: for a row without a text, or without the negatives that its corpus has.
        """
        columns = {
            "query_ids": self.tokens.encode(texts_of(rows, "query"), self.query_length),
            "positive_ids": self.tokens.encode(texts_of(rows, "positive"), self.positive_length),
        }
        if negatives := self._negatives(rows):
            columns["negative_ids"] = self._encode_groups(negatives)
        for name, source, kind in EXTRAS:
            if source in rows.column_names:
                columns[name] = rows[source].cast(kind)
        return pa.table(columns)

    def collate(self, rows: pa.Table) -> Batch:
        """Stack model rows.

        Returns:
            ``query_ids`` and ``query_mask`` ``(B, T)``, ``candidate_ids`` and ``candidate_mask``
            ``(B*group, S)`` with each query's positive first, all int64; where there are such columns
            ``score`` ``(B,)`` float32 and ``source`` ``(B,)`` int64, the number of the corpus.
        """
        import torch

        batch: Batch = {}
        for side, lists, length in (
            ("query", rows["query_ids"], self.query_length),
            ("candidate", _candidates(rows), self.positive_length),
        ):
            ids_mask = pad_lists(lists, self.tokens.pad_id, limit=length)
            batch[f"{side}_ids"], batch[f"{side}_mask"] = ids_mask
        for name, _, _ in EXTRAS:
            if name in rows.column_names:
                batch[name] = torch.from_numpy(rows[name].to_numpy().copy())
        return batch

    def _negatives(self, rows: pa.Table) -> list[list[str]]:
        if not self.hard_negatives:
            return []
        parts = []
        if "negative" in rows.column_names:
            parts.append([[text] for text in texts_of(rows, "negative")])
        if "negatives" in rows.column_names:
            parts.append(self._draw(rows))
        return [list(chain(*row)) for row in zip(*parts, strict=True)]

    def _draw(self, rows: pa.Table) -> list[list[str]]:
        rngs = row_rngs(self.seed, rows)
        samples, pools = rows[SAMPLE].to_pylist(), rows["negatives"].to_pylist()
        return [self._draw_row(*row) for row in zip(pools, rngs, samples, strict=True)]

    def _draw_row(self, texts: Sequence[str] | None, rng: np.random.Generator, sample: int) -> list[str]:
        if not texts or None in texts:
            raise InputError(f"sample {sample} has no text in column 'negatives'", expected="one or more")
        wanted = self.hard_negatives
        return [texts[i] for i in rng.choice(len(texts), wanted, replace=len(texts) < wanted)]

    def _encode_groups(self, groups: list[list[str]]) -> pa.ListArray:
        ids = self.tokens.encode(list(chain(*groups)), self.positive_length)
        offsets_B = np.cumsum([0, *map(len, groups)], dtype=np.int32)
        return pa.ListArray.from_arrays(offsets_B, ids)


def _candidates(rows: pa.Table) -> Lists:
    if "negative_ids" not in rows.column_names:
        return rows["positive_ids"]
    positives = rows["positive_ids"].combine_chunks()
    groups = rows["negative_ids"].combine_chunks()
    sizes = set(np.asarray(groups.value_lengths()).tolist())
    assert len(sizes) <= 1, "rows bring different numbers of negatives"
    first_B = np.arange(len(positives))[:, None]
    negatives_BG = np.arange(len(positives) * sum(sizes)).reshape(len(positives), -1)
    order_BG = np.hstack([first_B, len(positives) + negatives_BG])
    return pa.concat_arrays([positives, groups.flatten()]).take(pa.array(order_BG.ravel()))
