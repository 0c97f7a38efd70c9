"""Triples for contrastive training, made once from whatever a corpus holds, and read by number.

A triple is a query with texts that are right for it and texts that are wrong. A corpus of classes has no
column of positives; its triples are found among its rows, before training, and written down. Training then
goes through them as it goes through the corpus: row s of its R rows reads triple s in the first epoch and
triple ``s + e R`` in epoch e, modulo their number, so that more triples than rows are read as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.errors import InputError
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE, row_rngs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXTS = pa.list_(pa.string())
ROWS = b"rows"  # of the corpus, in the file's metadata
SCHEMA = pa.schema([("query", pa.string()), ("positives", TEXTS), ("negatives", TEXTS)])
FILE_ROWS = 10_000


class Triple(NamedTuple):
    """A query with its texts, all as the model reads them."""

    query: str
    positives: Sequence[str]
    negatives: Sequence[str] = ()


def write_triples(triples: Iterable[Triple], folder: Path, source: int, rows: int) -> int:
    """Write the triples of a stage's corpus, and tell how many they are.

    Args:
        triples: Of the corpus.
        folder: Where to.
        source: The corpus's number in the stage.
        rows: That the stage reads of it in an epoch.

    Raises:
        InputError: if there is none.
    """
    count = 0
    schema = SCHEMA.with_metadata({ROWS: str(rows)})
    with pq.ParquetWriter(_file(folder, source), schema) as writer:
        for part in _parts(triples):
            columns = zip(*part, strict=True)
            writer.write_table(pa.table(dict(zip(schema.names, map(list, columns), strict=True)), schema))
            count += len(part)
    if not count:
        raise InputError(f"corpus {source} of the stage gives no example", expected="texts with positives")
    return count


def write_corpora(
    rows: Iterable[dict[str, Any]],
    folder: Path,
    expected: int,
    make: Callable[[int, Sequence[dict[str, Any]]], Iterable[Triple]],
    where: str,
) -> None:
    """Write the triples of all corpora of a stage; the rows of one corpus are in memory at a time.

    Args:
        rows: Of all corpora, one corpus behind the other.
        folder: Where to.
        expected: How many corpora the objective knows.
        make: A corpus's number and rows to its triples.
        where: The key that names them.

    Raises:
        InputError: where there are more or fewer corpora with rows, or one gives no triple.
    """
    corpora = 0
    for source, group in groupby(rows, key=lambda row: int(row.get(SOURCE, 0))):
        corpora = source + 1
        if corpora > expected:
            break
        of_corpus = list(group)
        write_triples(make(source, of_corpus), folder, source, len(of_corpus))
    if corpora != expected:
        count = "more" if corpora > expected else str(corpora)
        raise InputError(
            f"the objective has {expected} {where}, and there are {count} corpora with rows",
            where=where,
            expected="one a corpus, in their order",
        )


def check_instructions(
    tokenizer: PreTrainedTokenizerBase, prompts: Mapping[str, str], **lengths: int
) -> None:
    """Refuse instructions that leave no room for a text.

    Args:
        tokenizer: The model's.
        prompts: Instruction -> what stands in front of a text.
        lengths: Name of a key -> tokens of the texts that have an instruction in front.

    Raises:
        InputError: for the first that fills one.
    """
    for instruction, prompt in prompts.items():
        taken = len(tokenizer(prompt)["input_ids"])
        if taken >= min(lengths.values()):
            names = " and ".join(lengths)
            raise InputError(
                f"the instruction {instruction!r} takes {taken} tokens and leaves none for texts",
                where=next(iter(lengths)),
                expected=f"{names} above {taken}",
            )


class TripleTransform(PairTransform):
    """Reads triples, draws of their texts, and tokenises.

    Args:
        tokenizer: The model's tokenizer.
        folder: Where :func:`write_triples` wrote those of every corpus.
        options: Those of :class:`.PairTransform`; ``hard_negatives`` is how many each query brings, anew in
            every epoch, without repetition where a triple has enough.

    Raises:
        InputError: if a length exceeds ``max_length``.
    """

    columns: ClassVar[tuple[str, ...]] = ("query",)
    optional_columns: ClassVar[tuple[str, ...]] = ()

    def __init__(self, tokenizer: PreTrainedTokenizerBase, folder: Path, **options: Any) -> None:
        super().__init__(tokenizer, **options)
        self.folder = folder

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Corpus rows, of which only the numbers count, to tokens.

        Raises:
            InputError: for a triple without negatives, where some are wanted.
        """
        samples, epochs = rows[SAMPLE].to_pylist(), rows[EPOCH].to_pylist()
        sources = rows[SOURCE].to_pylist() if SOURCE in rows.column_names else [0] * len(samples)
        drawn = [
            self._choose(*row)
            for row in zip(sources, samples, epochs, row_rngs(self.seed, rows), strict=True)
        ]
        columns = {
            "query_ids": self.tokens.encode([query for query, _ in drawn], self.query_length),
            "positive_ids": self.tokens.encode([texts[0] for _, texts in drawn], self.positive_length),
            "source": pa.array(sources, pa.int64()),
        }
        if self.hard_negatives:
            columns["negative_ids"] = self._encode_groups([texts[1:] for _, texts in drawn])
        return pa.table(columns)

    def _choose(
        self, source: int, sample: int, epoch: int, rng: np.random.Generator
    ) -> tuple[str, list[str]]:
        triples = _read(self.folder, source)
        number = (sample + epoch * int(triples.schema.metadata[ROWS])) % len(triples)
        row = triples.slice(number, 1).to_pylist()[0]
        positives, negatives, wanted = row["positives"], row["negatives"], self.hard_negatives
        if wanted and not negatives:
            raise InputError(
                f"triple {number} of corpus {source} has no negatives",
                expected="some that are wrong",
            )
        places: list[int] = []
        if wanted:
            places = rng.choice(len(negatives), wanted, replace=len(negatives) < wanted).tolist()
        return row["query"], [positives[rng.integers(len(positives))], *(negatives[i] for i in places)]


@lru_cache(maxsize=16)
def _read(folder: Path, source: int) -> pa.Table:
    return pq.read_table(_file(folder, source)).combine_chunks()


def _file(folder: Path, source: int) -> Path:
    return folder / f"triples-{source}.parquet"


def _parts(triples: Iterable[Triple]) -> Iterator[list[Triple]]:
    part: list[Triple] = []
    for triple in triples:
        part.append(triple)
        if len(part) == FILE_ROWS:
            yield part
            part = []
    if part:
        yield part
