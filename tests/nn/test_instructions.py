"""Which tokens of a row are its instruction's, found in the ids alone."""

from __future__ import annotations

import pytest
import torch

from embedworks.errors import InputError
from embedworks.nn.instructions import Instructions, Marks, without_first
from embedworks.transforms.bpe import train_bpe
from helpers.tiny import tiny_decoder, tiny_tokenizer

TEMPLATE = Instructions()
ROWS = ([1, 2, 5, 8, 9, 6], [1, 2, 8, 9], [5, 2, 8, 9, 3], [1, 2, 8, 9, 8, 9, 3], [1, 2, 4, 4])


def test_lengths_by_hand():
    marks = Marks(begin=(1, 2), end=(8, 9))
    # With an instruction of one token; with nothing behind it; without its beginning; ended by the first
    # mark of two; never ended.
    assert [marks.length(row) for row in ROWS] == [5, 0, 0, 4, 0]


def test_a_batch_has_the_lengths_of_its_rows():
    marks = Marks(begin=(1, 2), end=(8, 9))
    width = max(map(len, ROWS))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in ROWS])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ROWS])
    assert marks.lengths(ids, mask).tolist() == [marks.length(row) for row in ROWS]
    assert marks.lengths(ids[:, :3], mask[:, :3]).tolist() == [0] * len(ROWS)


def test_padding_is_not_taken_for_what_is_behind_an_instruction():
    marks = Marks(begin=(1,), end=(0, 0))
    assert marks.lengths(torch.tensor([[1, 5, 0, 0, 0]]), torch.tensor([[1, 1, 0, 0, 0]])).tolist() == [0]


def tokenizers():
    yield tiny_tokenizer()
    yield train_bpe(["find the function that a text describes", "x"] * 3, 300, 64)


@pytest.mark.parametrize("tokenizer", tokenizers(), ids=["wordpiece", "bpe"])
@pytest.mark.parametrize("text", ["a text", "(in brackets)", "7", "Query: again"])
def test_marks_of_a_tokenizer_leave_the_text(tokenizer, text):
    marks = Marks.of(tokenizer, TEMPLATE)
    row = tokenizer(TEMPLATE.prompt("find: the (best) stone") + text)["input_ids"]
    bare = tokenizer(" " + text if text[0] not in "(" else text, add_special_tokens=False)["input_ids"]
    kept = row[marks.length(row) :]
    assert tokenizer.decode(kept[:-1]).strip().lower() == tokenizer.decode(bare).strip().lower()
    assert marks.length(tokenizer(text)["input_ids"]) == 0


def test_marks_that_a_tokenizer_joins_are_refused():
    tokenizer = train_bpe(["refind what is meant"] * 3, 300, 64)
    assert Marks.of(tokenizer, Instructions(before="re: ")).begin
    with pytest.raises(InputError, match="joins"):
        Marks.of(tokenizer, Instructions(before="re"))


def test_without_first_keeps_padding_out():
    mask = without_first(torch.tensor([[1, 1, 1, 0]]), torch.tensor([2]))
    assert mask.tolist() == [[0, 0, 1, 0]]


def test_an_embedder_pools_no_instruction_unless_it_is_told_to():
    embedder = tiny_decoder(instructions=TEMPLATE)
    tokens = embedder.tokenize(["a red fish", "sing"], TEMPLATE.prompt("find it"))
    pooled = embedder.pool_mask(**tokens)
    assert pooled.sum(1).tolist() == [4, 2]  # the words and [SEP]
    every = tiny_decoder(instructions=Instructions(pooled=True))
    assert torch.equal(every.pool_mask(**tokens), tokens["attention_mask"])


def test_another_template_has_other_marks():
    embedder = tiny_decoder(instructions=TEMPLATE)
    first = embedder.marks
    changed = {"instructions": Instructions(before="task - ", behind=" - text - ")}
    embedder.settings = embedder.settings.model_copy(update=changed)
    assert embedder.marks != first
