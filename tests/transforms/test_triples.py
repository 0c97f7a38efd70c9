"""Triples on disk, read by the number of a sample."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from embedworks.errors import InputError
from embedworks.transforms.texts import TextTransform
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE
from embedworks.transforms.triples import (
    Triple,
    TripleTransform,
    check_instructions,
    write_corpora,
    write_triples,
)
from helpers.tiny import tiny_tokenizer

TRIPLES = [Triple("cat", ["dog"], ["tree", "sun", "moon"]), Triple("red", ["blue", "green"], ["stone"])]


def rows(samples, sources=None, epoch=0):
    columns = {"query": ["unread"] * len(samples), SAMPLE: samples, EPOCH: [epoch] * len(samples)}
    if sources is not None:
        columns[SOURCE] = sources
    return pa.table(columns)


def transform(folder: Path, hard_negatives: int = 2) -> TripleTransform:
    return TripleTransform(
        tiny_tokenizer(),
        folder,
        query_length=8,
        positive_length=8,
        max_length=16,
        hard_negatives=hard_negatives,
        seed=1,
    )


def words(ids) -> list[str]:
    return tiny_tokenizer().batch_decode(ids, skip_special_tokens=True)


def test_sample_s_reads_triple_s_modulo_their_number(tmp_path):
    assert write_triples(TRIPLES, tmp_path, 0, 2) == 2
    batch = transform(tmp_path).collate(transform(tmp_path)(rows([0, 1, 2])))
    assert words(batch["query_ids"]) == ["cat", "red", "cat"]
    assert batch["candidate_ids"].shape[0] == 3 * 3
    texts = words(batch["candidate_ids"])
    assert texts[0] == "dog"
    assert len({*texts[1:3]} & {"tree", "sun", "moon"}) == 2
    assert texts[3] in {"blue", "green"}
    assert texts[4:6] == ["stone", "stone"]


def test_more_triples_than_rows_are_read_in_later_epochs(tmp_path):
    triples = [Triple(word, ["sun"], ["moon"]) for word in ("cat", "dog", "tree", "red", "blue")]
    write_triples(triples, tmp_path, 0, rows=2)
    read = [words(transform(tmp_path, 1)(rows([0, 1], epoch=e))["query_ids"].to_pylist()) for e in range(3)]
    assert read == [["cat", "dog"], ["tree", "red"], ["blue", "cat"]]


def test_corpora_have_triples_of_their_own(tmp_path):
    write_triples(TRIPLES[:1], tmp_path, 0, 5)
    write_triples(TRIPLES[1:], tmp_path, 1, 5)
    batch = transform(tmp_path, 0).collate(transform(tmp_path, 0)(rows([4, 4], [1, 0])))
    assert words(batch["query_ids"]) == ["red", "cat"]
    assert batch["source"].tolist() == [1, 0]
    assert len(batch["candidate_ids"]) == 2


def test_draws_are_those_of_the_sample_and_the_epoch(tmp_path):
    write_triples(TRIPLES, tmp_path, 0, 2)
    sent = pickle.loads(pickle.dumps(transform(tmp_path)))
    alone, together = sent(rows([6])), transform(tmp_path)(rows([0, 6]))
    assert alone["negative_ids"][0] == together["negative_ids"][1]
    epochs = {str(sent(rows([0], epoch=epoch))["negative_ids"][0]) for epoch in range(20)}
    assert len(epochs) > 1


def test_nothing_to_learn_from_is_refused(tmp_path):
    with pytest.raises(InputError, match="no example"):
        write_triples([], tmp_path, 0, 1)
    write_triples([Triple("cat", ["dog"])], tmp_path, 1, 1)
    with pytest.raises(InputError, match="no negatives"):
        transform(tmp_path)(rows([0], [1]))


def test_texts_are_tokenised_and_padded():
    reader = TextTransform(tiny_tokenizer(), length=4, max_length=16)
    batch = reader.collate(reader(pa.table({"text": ["cat", "the red bird sings"]})))
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert words(batch["input_ids"]) == ["cat", "the red"]
    with pytest.raises(InputError, match="length=20"):
        TextTransform(tiny_tokenizer(), length=20, max_length=16)


def corpus_rows(*sources: int):
    return ({"text": f"{source}", SOURCE: source} for source in sources)


def test_corpora_are_written_each_with_its_number_and_rows(tmp_path):
    seen = []

    def make(source, of_corpus):
        seen.append((source, len(of_corpus)))
        return [Triple(row["text"], ["dog"], ["cat"]) for row in of_corpus]

    write_corpora(corpus_rows(0, 0, 1), tmp_path, 2, make, where="tasks")
    assert seen == [(0, 2), (1, 1)]
    batch = transform(tmp_path, 1)(rows([0, 0], sources=[0, 1]))
    assert words(batch["query_ids"].to_pylist()) == ["0", "1"]


@pytest.mark.parametrize(("expected", "count"), [(1, "more"), (3, "2")])
def test_corpora_are_as_many_as_the_objective_knows(tmp_path, expected, count):
    with pytest.raises(InputError, match=f"has {expected} tasks, and there are {count} corpora"):
        write_corpora(corpus_rows(0, 1), tmp_path, expected, lambda *_: [Triple("a", ["b"])], where="tasks")


def test_an_instruction_that_fills_a_text_is_refused():
    prompts = {"sort the list": "sort the list "}  # five tokens with those round a text
    check_instructions(tiny_tokenizer(), prompts, query_length=6)
    with pytest.raises(InputError, match=r"takes 5 tokens.*query_length and positive_length above 5"):
        check_instructions(tiny_tokenizer(), prompts, query_length=6, positive_length=5)
