"""A tokenizer as transforms and engines need it: at the speed of its backend, and light to send away."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tokenizers import Tokenizer

from embedworks.errors import InputError
from embedworks.transforms.tokens import Ints, flatten, lists_array
from embedworks.transforms.words import WordPieces, number_words

if TYPE_CHECKING:  # importing it takes seconds, and a process that only tokenises has no use for it
    from transformers import PreTrainedTokenizerBase

TOKENIZER_FILE = "tokenizer.json"

TokenIds = list[list[int]]


class PortableTokenizer:
    """A tokenizer that travels as the path of its folder, and is loaded when it is first used.

    Transforms are pickled into every task; a vocabulary in each of them would cost more than the task.
    Where the folder's ``tokenizer.json`` says all, the process that unpickles it never imports
    transformers. A tokenizer that no folder describes travels whole.

    A fast tokenizer is read through a private copy of its backend: transformers sets truncation on the
    backend that it shares, which is not safe from two threads, and its own bookkeeping takes longer
    than a short text. The copy neither cuts nor adds special tokens, which the backend does slowly. A
    slow tokenizer is called as it is and must stay in one thread.

    Args:
        tokenizer: As transformers loaded it.

    Attributes:
        pad_id: What stands in the padding; 0 for a tokenizer that does not say.
        special_ids: Ids of all special tokens.
        vocabulary: Number of ids, added tokens included.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.pad_id = int(tokenizer.pad_token_id or 0)
        self.special_ids: tuple[int, ...] = tuple(tokenizer.all_special_ids)
        self.vocabulary = len(tokenizer)
        self._keep_end = tokenizer.truncation_side == "left"
        self._split_specials = bool(getattr(tokenizer, "split_special_tokens", False))
        # A tokenizer.json, a folder that transformers has to read, or the tokenizer itself.
        self._home: Path | PreTrainedTokenizerBase = tokenizer
        self._frame = _frame(self._backend) if self._backend else None

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name not in ("_backend", "_pieces")}
        if not isinstance(self._home, Path):
            state["_home"] = _home(self._home)
        return state

    @property
    def frame(self) -> tuple[list[int], list[int]] | None:
        """The special tokens in front of every text and behind it; None for a slow tokenizer."""
        return self._frame

    @property
    def knows_words(self) -> bool:
        """Whether :meth:`encode_words` works: fast tokenizers know what their words are."""
        return self._frame is not None

    def lists(self, texts: Sequence[str], length: int | None) -> TokenIds:
        """Token ids of each text with its special tokens, cut to ``length``; None: however long it is.

        Raises:
            InputError: for a length that cannot hold the special tokens.
        """
        if not texts:
            return []
        if self._frame is None or self._backend is None:
            return self._call(list(texts), length)
        encodings = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        return self._framed([encoding.ids for encoding in encodings], *self._frame, length)

    def encode(self, texts: Sequence[str], length: int | None) -> pa.ListArray:
        """:meth:`lists` as an Arrow ``list<int32>`` array."""
        return lists_array(self.lists(texts, length))

    def encode_words(self, texts: Sequence[str], length: int | None) -> tuple[pa.ListArray, Ints]:
        """:meth:`encode`, and ``(N,)`` for every token of all texts the number of its word.

        Words are counted through all texts, as the tokenizer splits them before it cuts them into
        pieces; -1 for the special tokens put round a text. Only for tokenizers that know words.
        """
        assert self._frame is not None, "ask knows_words first"
        assert self._backend is not None, "ask knows_words first"
        before, behind = self._frame
        if self._pieces:
            ids = self.encode(texts, length)
            return ids, self._pieces.number(*flatten(ids), len(before), len(behind))
        # encode_batch_fast leaves out which word a token belongs to.
        encodings = self._backend.encode_batch(texts, add_special_tokens=False)
        words: Any = [encoding.word_ids for encoding in encodings]
        words = self._framed(words, [-1] * len(before), [-1] * len(behind), length)
        ids = self._framed([encoding.ids for encoding in encodings], before, behind, length)
        return lists_array(ids), number_words(*flatten(lists_array(words)))

    def _framed(
        self, lists: TokenIds, before: list[int], behind: list[int], length: int | None
    ) -> TokenIds:
        if length is None:
            return [before + row + behind for row in lists]
        room = length - len(before) - len(behind)
        if room < 0:
            raise InputError(f"{length} tokens cannot hold a text's special tokens", expected="more")
        if self._keep_end:
            return [before + row[max(0, len(row) - room) :] + behind for row in lists]
        return [before + row[:room] + behind for row in lists]

    def _call(self, texts: list[str], length: int | None) -> TokenIds:
        tokenizer: Any = _load(self._home) if isinstance(self._home, Path) else self._home
        tokens = tokenizer(
            texts, truncation=length is not None, max_length=length, return_attention_mask=False
        )
        ids: TokenIds = tokens["input_ids"]
        return ids

    @cached_property
    def _backend(self) -> Tokenizer | None:
        backend = _backend_at(self._home)
        if backend is not None:
            backend.encode_special_tokens = self._split_specials  # no part of the file
        return backend

    @cached_property
    def _pieces(self) -> WordPieces | None:
        return WordPieces.of(self._backend) if self._backend else None


def _backend_at(home: Path | PreTrainedTokenizerBase) -> Tokenizer | None:
    """A private copy of a tokenizer's backend, which neither cuts nor pads; None for a slow tokenizer."""
    if isinstance(home, Path) and home.name == TOKENIZER_FILE:
        backend = Tokenizer.from_file(str(home))
    else:
        tokenizer = _load(home) if isinstance(home, Path) else home
        shared = getattr(tokenizer, "backend_tokenizer", None)
        if not isinstance(shared, Tokenizer):
            return None
        backend = Tokenizer.from_str(shared.to_str())
    backend.no_truncation()
    backend.no_padding()
    return backend


def _frame(backend: Tokenizer) -> tuple[list[int], list[int]] | None:
    """The special tokens in front of every text and behind it; None where that is not all of them."""
    empty, full = (backend.encode(text).ids for text in ("", "a"))
    bare = backend.encode("a", add_special_tokens=False).ids
    for start in range(len(empty) + 1):
        if full == empty[:start] + bare + empty[start:]:
            return empty[:start], empty[start:]
    return None


def _home(tokenizer: PreTrainedTokenizerBase) -> Path | PreTrainedTokenizerBase:
    """The least that gives this very tokenizer in another process.

    Some of transformers' classes change what ``tokenizer.json`` says while they load it, and a caller
    may have added tokens since.
    """
    folder = Path(tokenizer.name_or_path or "no folder").absolute()
    file, rules = folder / TOKENIZER_FILE, _rules(tokenizer)
    if rules and file.is_file() and rules == _rules(file):
        return file
    if folder.is_dir() and rules == _rules(folder) and len(tokenizer) == len(_load(folder)):
        return folder
    return tokenizer


def _rules(home: Path | PreTrainedTokenizerBase) -> dict[str, Any]:
    backend = _backend_at(home)
    rules: dict[str, Any] = json.loads(backend.to_str()) if backend else {}
    return rules


@lru_cache(maxsize=4)
def _load(folder: Path) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer
