"""Instructions in front of texts: how they are written, and which tokens of a row are theirs.

A row begins with ``Instruct:`` and holds ``Query:`` where its instruction ends. The tokens up to there are
found in the ids alone, so that training, evaluation and serving agree whatever else is in a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from embedworks.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Shape legend: B texts, T tokens of a padded text, W windows of it, k tokens of a mark.

PROBE = ("find what is meant", "a text")


class Instructions(BaseModel):
    """How an instruction is put in front of a text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    before: str = Field(default="Instruct: ", min_length=1, description="in front of the instruction")
    behind: str = Field(default="\nQuery: ", min_length=1, description="between it and the text")
    pooled: bool = Field(default=False, description="whether its tokens count in the pooled vector")

    def prompt(self, instruction: str) -> str:
        """What stands in front of a text: nothing where there is no instruction.

        Example:
            >>> Instructions().prompt("Find the function")
            'Instruct: Find the function\\nQuery: '
        """
        return f"{self.before}{instruction}{self.behind}" if instruction else ""


@dataclass(frozen=True)
class Marks:
    """The tokens by which an instruction is known.

    Attributes:
        begin: First tokens of a row that has an instruction, special ones included.
        end: The first tokens of this kind behind them end it; they are its own.
    """

    begin: tuple[int, ...]
    end: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, template: Instructions) -> Marks:
        """The marks as a tokenizer writes them.

        White space at the end of ``before`` and ``behind`` is no part of them: tokenizers join it to the
        word behind it.

        Raises:
            InputError: for a tokenizer that does not keep them apart from what is around them.
        """
        row = _ids(tokenizer, template.prompt(PROBE[0]) + PROBE[1], special=True)
        inside = _ids(tokenizer, template.before.rstrip(), special=False)
        end = _ids(tokenizer, "x" + template.behind.rstrip(), special=False)
        bare = _ids(tokenizer, "x", special=False)
        frame = _find(row, inside, 0)
        marks = cls(tuple(row[: frame + len(inside)]), tuple(end[len(bare) :]))
        if frame < 0 or end[: len(bare)] != bare or not marks.length(row):
            raise InputError(
                f"the tokenizer joins {template.before!r} or {template.behind!r} to the words around",
                expected="marks that are tokens of their own",
            )
        return marks

    def length(self, row: Sequence[int]) -> int:
        """Tokens of a row that are its instruction's; 0 without one, or with nothing behind it."""
        begin, end = list(self.begin), list(self.end)
        if list(row[: len(begin)]) != begin:
            return 0
        place = _find(row, end, len(begin))
        stop = place + len(end)
        return stop if place >= 0 and stop < len(row) else 0

    def lengths(self, input_ids_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
        """:meth:`length` of every row of a batch padded on the right: ``(B,)`` int64."""
        begin, end = (torch.tensor(mark, device=input_ids_BT.device) for mark in (self.begin, self.end))
        first, k, width = len(begin), len(end), input_ids_BT.shape[1]
        if width < first + k:
            return torch.zeros(len(input_ids_BT), dtype=torch.int64, device=input_ids_BT.device)
        begins_B = (input_ids_BT[:, :first] == begin).all(1)
        ends_BW = (input_ids_BT[:, first:].unfold(1, k, 1) == end).all(2)
        stop_B = first + ends_BW.int().argmax(1) + k
        inside_B = stop_B < attention_mask_BT.sum(1)
        return torch.where(begins_B & ends_BW.any(1) & inside_B, stop_B, 0)


def without_first(attention_mask_BT: Tensor, length_B: Tensor) -> Tensor:
    """The mask with zeros at the first tokens of every row.

    Example:
        >>> without_first(torch.ones(2, 3), torch.tensor([0, 2])).tolist()
        [[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]
    """
    places_T = torch.arange(attention_mask_BT.shape[1], device=attention_mask_BT.device)
    return attention_mask_BT * (places_T >= length_B[:, None]).to(attention_mask_BT.dtype)


def _ids(tokenizer: PreTrainedTokenizerBase, text: str, *, special: bool) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=special, truncation=False)["input_ids"]
    return ids


def _find(row: Sequence[int], mark: Sequence[int], start: int) -> int:
    """Where a mark first stands in a row, from ``start`` on; -1 for nowhere."""
    k = len(mark)
    return next((i for i in range(start, len(row) - k + 1) if list(row[i : i + k]) == list(mark)), -1)
