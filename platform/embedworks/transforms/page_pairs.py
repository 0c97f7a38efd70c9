"""Transforms that read linked pages: pairs for contrastive training, passages for masked language models.

The corpus says how many samples there are and in which order they come; what a sample is is drawn anew in
every epoch, from all pages, by the sample's own generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from embedworks.errors import InputError
from embedworks.transforms.counted_pairs import collate_pairs
from embedworks.transforms.linked_pages import PAIR_TASKS, Floats, PagePair, PairTask, read_pages
from embedworks.transforms.masking import IGNORED, Bools, corrupt
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import Ints, check_length, flatten, pad_columns
from embedworks.transforms.transform import Batch, Transform, row_rngs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def titled(title: str, passage: str, separator: str) -> str:
    """A document: its title, the tokenizer's separator, its passage.

    Example:
        >>> titled("Keel", "A beam of a ship.", "[SEP]")
        'Keel [SEP] A beam of a ship.'
    """
    return f"{title} {separator} {passage}"


class PagePairTransform(Transform):
    """A sentence and a passage for each sample; see :mod:`embedworks.transforms.linked_pages`.

    Args:
        tokenizer: The model's, with a separator token.
        file: Where the pages are.
        tasks: To draw from.
        titles: The tasks whose documents begin with their page's title.
        query_prompt: Text in front of queries.
        keep_probability: How often the sentence of ICT stays in its passage.
        query_length: Queries are cut to this many tokens.
        document_length: Documents are cut to this many tokens.
        max_length: The most that the model reads.
        seed: Of the draws.

    Raises:
        InputError: if a length exceeds ``max_length``, or pages give a task no pair.
    """

    columns: ClassVar[tuple[str, ...]] = ("id",)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        file: Path,
        *,
        tasks: Sequence[PairTask],
        titles: Sequence[PairTask],
        query_length: int,
        document_length: int,
        max_length: int,
        query_prompt: str = "",
        keep_probability: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.tokens = PortableTokenizer(tokenizer)
        self.separator = str(tokenizer.sep_token or "")
        self.file = file
        self.tasks, self.titles = tuple(tasks), frozenset(titles)
        self.query_prompt = query_prompt
        self.keep_probability = keep_probability
        self.query_length = check_length("query_length", query_length, max_length)
        self.document_length = check_length("document_length", document_length, max_length)
        self.seed = seed
        read_pages(file).check(self.tasks)

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Rows, of which only the numbers count, to tokens, the document's number, log Q and the task."""
        pages, log_q_M = read_pages(self.file), _log_q(self.file, self.tasks)
        drawn = [pages.draw(self.tasks, rng, self.keep_probability) for rng in row_rngs(self.seed, rows)]
        numbers = np.array([pair.passage for pair in drawn], np.int64)
        queries = [self.query_prompt + pair.query for pair in drawn]
        return pa.table(
            {
                "query_ids": self.tokens.encode(queries, self.query_length),
                "document_ids": self.tokens.encode([*map(self._document, drawn)], self.document_length),
                "document": pages.document_M[numbers],
                "log_q": log_q_M[numbers].astype(np.float32),
                "task": np.array([PAIR_TASKS.index(pair.task) for pair in drawn], np.int64),
            }
        )

    def collate(self, rows: pa.Table) -> Batch:
        """Stack model rows.

        Returns:
            ``query_ids`` and ``query_mask`` (B, T), ``document_ids`` and ``document_mask`` (B, S), all
            int64; ``document`` (B,) int64, ``log_q`` (B,) float32, ``task`` (B,) int64, its place in
            ``PAIR_TASKS``.
        """
        return collate_pairs(rows, self.tokens.pad_id, self.query_length, self.document_length)

    def _document(self, pair: PagePair) -> str:
        text = " ".join(pair.sentences)
        if pair.task not in self.titles:
            return text
        pages = read_pages(self.file)
        return titled(pages.pages[int(pages.page_M[pair.passage])].title, text, self.separator)


class PageMaskTransform(Transform):
    """A random passage for each sample, with its title, masked as BERT masks: 80 % [MASK], 10 % random.

    Args:
        tokenizer: The model's, with a mask token.
        file: Where the pages are.
        length: Texts are cut to this many tokens.
        max_length: The most that the model reads.
        rate: Share of tokens to predict, special ones left out; one at least.
        seed: Of the draws.

    Raises:
        InputError: if ``length`` exceeds ``max_length``, or the tokenizer cannot mask.
    """

    columns: ClassVar[tuple[str, ...]] = ("id",)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        file: Path,
        *,
        length: int,
        max_length: int,
        rate: float = 0.15,
        seed: int = 0,
    ) -> None:
        if tokenizer.mask_token_id is None:
            raise InputError("the tokenizer cannot mask", expected="one with a mask token")
        self.tokens = PortableTokenizer(tokenizer)
        self.mask_id: int = tokenizer.mask_token_id
        self.separator = str(tokenizer.sep_token or "")
        self.file = file
        self.length = check_length("length", length, max_length)
        self.rate = rate
        self.seed = seed

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Rows, of which only the numbers count, to ``input_ids`` and ``labels``, -100 but at targets."""
        pages, rngs = read_pages(self.file), row_rngs(self.seed, rows)
        numbers = [int(rng.integers(len(pages.page_M))) for rng in rngs]
        texts = [
            titled(pages.pages[int(pages.page_M[n])].title, passage, self.separator)
            for n, passage in ((n, pages.texts_M[n]) for n in numbers)
        ]
        ids = self.tokens.encode(texts, self.length)
        ids_N, lengths_B = flatten(ids)
        drawn = self._draw(ids_N, lengths_B, rngs)
        pair = corrupt(ids_N, drawn[0], self.mask_id, *drawn[1:])
        names = ("input_ids", "labels")
        return pa.table(
            {n: pa.ListArray.from_arrays(ids.offsets, v) for n, v in zip(names, pair, strict=True)}
        )

    def collate(self, rows: pa.Table) -> Batch:
        """``input_ids``, ``labels`` and ``attention_mask``, each (B, T) int64."""
        columns = [(rows["input_ids"], self.tokens.pad_id), (rows["labels"], IGNORED)]
        (ids_BT, labels_BT), mask_BT = pad_columns(columns, limit=self.length)
        return {"input_ids": ids_BT, "labels": labels_BT, "attention_mask": mask_BT}

    def _draw(
        self, ids_N: Ints, lengths_B: Ints, rngs: Sequence[np.random.Generator]
    ) -> tuple[Bools, Floats, Ints]:
        """``(N,)`` which tokens to predict, uniform numbers, and random tokens."""
        special_N = np.isin(ids_N, self.tokens.special_ids)
        mask_N, draw_N = np.zeros(len(ids_N), bool), np.zeros(len(ids_N))
        random_N = np.zeros(len(ids_N), np.int64)
        start = 0
        for length, rng in zip(lengths_B.tolist(), rngs, strict=True):
            part = slice(start, start + length)
            places = start + np.flatnonzero(~special_N[part])
            wanted = min(len(places), max(1, round(self.rate * len(places))))
            mask_N[rng.choice(places, wanted, replace=False)] = True
            draw_N[part] = rng.random(length)
            random_N[part] = rng.integers(self.tokens.vocabulary, size=length)
            start += length
        return mask_N, draw_N, random_N


@lru_cache(maxsize=8)
def _log_q(file: Path, tasks: tuple[PairTask, ...]) -> Floats:
    with np.errstate(divide="ignore"):  # passages that no task draws
        found: Floats = np.log(read_pages(file).probabilities(tasks))
    return found
