import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertTokenizerLegacy, PreTrainedTokenizerBase

from embedworks.errors import InputError
from embedworks.transforms.bpe import train_bpe
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import IDS
from helpers.tiny import tiny_tokenizer

TEXTS = [
    "the red bird",
    "",
    "tree " * 60,
    "Naïve [MASK] [SEP] ##ing 中文",
    "it's\ta\u0000 b.c",
    "a\u0301\ufffd",
]


def tokenizers() -> dict[str, PreTrainedTokenizerBase]:
    left = tiny_tokenizer()
    left.truncation_side = "left"
    split = train_bpe(TEXTS, 300, 64)
    split.split_special_tokens = True
    return {"WordPiece": tiny_tokenizer(), "BPE": train_bpe(TEXTS, 300, 64), "left": left, "split": split}


@pytest.fixture(scope="module", params=["WordPiece", "BPE", "left", "split"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerBase:
    return tokenizers()[request.param]


@pytest.mark.parametrize("length", [2, 3, 16, 512])
def test_ids_are_those_of_transformers(tokenizer: Any, length: int) -> None:
    expected = tokenizer(TEXTS, truncation=True, max_length=length)["input_ids"]
    array = PortableTokenizer(tokenizer).encode(TEXTS, length)
    assert array.type == IDS
    assert array.to_pylist() == expected


def test_without_a_length_nothing_is_cut(tokenizer: Any) -> None:
    tokenizer("a", truncation=True, max_length=2, padding="max_length")  # leaves both set on the backend
    assert PortableTokenizer(tokenizer).lists(TEXTS, None) == tokenizer(TEXTS)["input_ids"]


ANY = tokenizers()
PORTABLE = {name: PortableTokenizer(tokenizer) for name, tokenizer in ANY.items()}


@given(st.lists(st.text(max_size=40), max_size=4), st.integers(2, 24))
@settings(max_examples=200, deadline=None)
def test_ids_and_words_of_any_text(texts: list[str], length: int) -> None:
    for name in ("WordPiece", "BPE", "left"):
        shared: Any = ANY[name]
        tokens = PORTABLE[name]
        ids, words = tokens.encode_words(texts, length)
        if not texts:
            assert len(ids) == len(words) == 0
            continue
        expected = shared(texts, truncation=True, max_length=length)
        assert ids.to_pylist() == expected["input_ids"]
        index = [expected.word_ids(i) for i in range(len(texts))]
        assert words.tolist() == numbered(index)


def numbered(index: list[list[int | None]]) -> list[int]:
    """Words counted through all texts, the plain way."""
    numbers: dict[tuple[int, int], int] = {}
    found = []
    for text, words in enumerate(index):
        for word in words:
            found.append(-1 if word is None else numbers.setdefault((text, word), len(numbers)))
    return found


def test_a_length_that_cannot_hold_the_special_tokens_is_refused() -> None:
    with pytest.raises(InputError, match="1 tokens cannot hold"):
        PORTABLE["BPE"].lists(["a"], 1)


def test_a_slow_tokenizer_is_called_as_it_is(tmp_path: Path) -> None:
    vocabulary = tiny_tokenizer().get_vocab()
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(sorted(vocabulary, key=lambda piece: vocabulary[piece])))
    slow = BertTokenizerLegacy(str(file))
    tokens = PortableTokenizer(slow)
    assert not slow.is_fast
    assert not tokens.knows_words
    for reader in (tokens, pickle.loads(pickle.dumps(tokens))):
        assert reader.lists(TEXTS, 16) == slow(TEXTS, truncation=True, max_length=16)["input_ids"]
        assert reader.lists(TEXTS, None) == slow(TEXTS)["input_ids"]


def test_it_travels_as_its_folder_if_it_has_one(tmp_path: Path) -> None:
    tiny_tokenizer().save_pretrained(tmp_path)
    from_folder = PortableTokenizer(AutoTokenizer.from_pretrained(tmp_path))
    in_memory = PortableTokenizer(tiny_tokenizer())
    assert len(pickle.dumps(from_folder)) < 500 < len(pickle.dumps(in_memory))
    for tokens in (from_folder, in_memory):
        twin = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(tokens))))
        assert twin.lists(TEXTS, 8) == tokens.lists(TEXTS, 8)
        assert (twin.pad_id, twin.vocabulary) == (tokens.pad_id, tokens.vocabulary)
    assert from_folder.lists([], 8) == []


def test_what_was_added_since_it_was_saved_travels_too(tmp_path: Path) -> None:
    tiny_tokenizer().save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.add_tokens(["redbird"])
    twin = pickle.loads(pickle.dumps(PortableTokenizer(tokenizer)))
    assert twin.lists(["a redbird"], 8) == [tokenizer("a redbird")["input_ids"]]
    assert twin.vocabulary == len(tokenizer)


def test_a_file_that_transformers_reads_differently_is_read_by_transformers(tmp_path: Path) -> None:
    tiny_tokenizer().save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<x>"]})
    tokenizer.save_pretrained(tmp_path)
    reloaded = AutoTokenizer.from_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path / "plain")
    (tmp_path / "plain" / "tokenizer.json").replace(tmp_path / "tokenizer.json")  # without <x>
    state = PortableTokenizer(reloaded).__getstate__()
    assert state["_home"] != tmp_path / "tokenizer.json"
    twin = pickle.loads(pickle.dumps(PortableTokenizer(reloaded)))
    assert twin.lists(["a <x>"], 8) == [reloaded("a <x>")["input_ids"]]


READ = """
import pickle, sys
import pyarrow as pa
transform = pickle.loads(bytes.fromhex(sys.argv[1]))
texts = {"query": ["the cat"], "positive": ["a dog"]}
rows = transform(pa.table({**texts, "__epoch__": [0], "__sample__": [0]}))
print(rows.to_pylist())
print([name for name in ("transformers", "torch") if name in sys.modules])
"""


def test_a_process_that_only_tokenises_imports_neither_transformers_nor_torch(tmp_path: Path) -> None:
    tiny_tokenizer().save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    transform = PairTransform(tokenizer, query_length=8, positive_length=8, max_length=64)
    arguments = [sys.executable, "-c", READ, pickle.dumps(transform).hex()]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    rows, modules = done.stdout.splitlines()
    expected = {"query_ids": tokenizer("the cat"), "positive_ids": tokenizer("a dog")}
    assert rows == str([{name: tokens["input_ids"] for name, tokens in expected.items()}])
    assert modules == "[]"


def test_two_threads_may_read_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    tokens = PORTABLE["WordPiece"]
    expected = {length: tokens.lists(TEXTS, length) for length in (4, 9)}
    with ThreadPoolExecutor(4) as pool:
        lengths = np.tile([4, 9], 50).tolist()
        found = list(pool.map(lambda length: tokens.lists(TEXTS, length), lengths))
    assert found == [expected[length] for length in lengths]
