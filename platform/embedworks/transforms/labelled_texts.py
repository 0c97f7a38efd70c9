"""Texts with a label, each once a pass: the corpus says how many samples there are, a schedule which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from embedworks.transforms.labelled_pairs import Ints, LabelledTexts
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import check_length, pad_lists
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE, Batch, Transform

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TextSchedule:
    """Which text stands at which place, for ever: pass after pass, each in an order of its own.

    Attributes:
        file: Of the labelled texts, as :meth:`.LabelledTexts.save` wrote them.
        seed: Of all passes.
    """

    file: Path
    seed: int

    @property
    def data(self) -> LabelledTexts:
        """The labelled texts; read once a process."""
        return _load(self.file)

    def text(self, place: int, stream: int = 0) -> tuple[str, int]:
        """The text at a place, 0 or more, and the number of its label.

        Args:
            place: Of all passes, end to end.
            stream: Different streams have different orders.
        """
        number, row = divmod(place, len(self.data.texts))
        chosen = int(_pass(self.file, self.seed, stream, number)[row])
        return self.data.texts[chosen], int(self.data.labels_N[chosen])


@lru_cache(maxsize=8)
def _load(file: Path) -> LabelledTexts:
    return LabelledTexts.load(file)


@lru_cache(maxsize=16)
def _pass(file: Path, seed: int, stream: int, number: int) -> Ints:
    return np.random.default_rng((seed, stream, number)).permutation(len(_load(file).texts))


class LabelledTextTransform(Transform):
    """Gives each sample the text of its place in a schedule, and the number of the text's label.

    Epoch e of a corpus of R rows covers places e R to (e + 1) R - 1. All texts of a pass are seen before
    the next one begins, however many a row of the corpus brings; the rows themselves are not read.

    Args:
        tokenizer: The model's tokenizer.
        schedule: Where the texts come from.
        rows: R; of several corpora, of all.
        length: Texts are cut to this many tokens.
        max_length: The most that the model reads.
        columns: Columns that the corpus must have.

    Raises:
        InputError: if ``length`` exceeds ``max_length``.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        schedule: TextSchedule,
        *,
        rows: int,
        length: int,
        max_length: int,
        columns: tuple[str, ...],
    ) -> None:
        self.tokens = PortableTokenizer(tokenizer)
        self.schedule = schedule
        self.rows = rows
        self.length = check_length("length", length, max_length)
        self.columns = columns  # type: ignore[misc]  # of this use, not of the class

    def __call__(self, rows: pa.Table) -> pa.Table:
        """``input_ids``, token ids, and ``label``."""
        places = rows[EPOCH].to_numpy().astype(np.int64) * self.rows + rows[SAMPLE].to_numpy()
        streams = rows[SOURCE].to_pylist() if SOURCE in rows.column_names else [0] * len(places)
        found = [self.schedule.text(*place) for place in zip(places.tolist(), streams, strict=True)]
        texts, labels = zip(*found, strict=True) if found else ((), ())
        return pa.table(
            {
                "input_ids": self.tokens.encode(list(texts), self.length),
                "label": pa.array(labels, pa.int64()),
            }
        )

    def collate(self, rows: pa.Table) -> Batch:
        """``input_ids`` and ``attention_mask`` (B, T), ``label`` (B,), all int64."""
        import torch

        ids_BT, mask_BT = pad_lists(rows["input_ids"], self.tokens.pad_id, limit=self.length)
        labels_B = torch.from_numpy(rows["label"].to_numpy().copy())
        return {"input_ids": ids_BT, "attention_mask": mask_BT, "label": labels_B}
