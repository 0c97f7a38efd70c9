"""Nested whole-word masks: a lightly masked text for an encoder inside a heavily masked one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from transformers import PreTrainedTokenizerBase

from embedworks.errors import InputError
from embedworks.transforms.tokens import IDS, PortableTokenizer, check_length, pad_lists, texts_of
from embedworks.transforms.transform import EPOCH, SAMPLE, Batch, Transform, sample_rng

IGNORED = -100
SIDES = ("encoder", "decoder")

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Shape legend: T tokens of one text, special tokens included.


def word_groups(word_ids: Sequence[int | None]) -> list[Ints]:
    """Positions of each word: a piece joins the piece before it; special tokens (None) are in none.

    Args:
        word_ids: For each position the index of its word, as fast tokenizers report it.
    """
    groups: dict[int, list[int]] = {}
    for position, word in enumerate(word_ids):
        if word is not None:
            groups.setdefault(word, []).append(position)
    return [np.array(group) for group in groups.values()]


def mask_budget(length: int, ratio: float) -> int:
    """``max(1, round(T p))``: how many positions of a text may be masked."""
    return max(1, round(length * ratio))


def nested_masks(
    groups: Sequence[Ints], length: int, n_encoder: int, n_decoder: int, rng: np.random.Generator
) -> tuple[Bools, Bools]:
    """Draw whole words for two masks, the encoder's inside the decoder's.

    Words come in random order. One that would push the union of both masks above the larger budget is
    passed over; otherwise it joins the decoder's mask if it fits there, and the encoder's as well if it
    fits under both budgets. As the decoder's budget is the larger one, its mask is the union.

    Args:
        groups: Positions of each word.
        length: T.
        n_encoder: Budget of the encoder, in positions.
        n_decoder: Budget of the decoder, at least as large.
        rng: The sample's generator.

    Returns:
        Two ``(T,)`` masks, encoder then decoder.
    """
    assert n_encoder <= n_decoder, "the encoder's mask lies inside the decoder's"
    encoder_T, decoder_T = np.zeros(length, dtype=bool), np.zeros(length, dtype=bool)
    in_encoder = in_decoder = 0
    for index in rng.permutation(len(groups)):
        group = groups[index]
        if in_decoder + len(group) > n_decoder:
            continue
        decoder_T[group] = True
        in_decoder += len(group)
        if in_encoder + len(group) <= n_encoder:
            encoder_T[group] = True
            in_encoder += len(group)
    return encoder_T, decoder_T


def corrupt(
    ids_T: Ints, mask_T: Bools, mask_id: int, vocabulary: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """BERT's corruption of the masked positions: 80 % [MASK], 10 % a random token, 10 % kept.

    Returns:
        ``(T,)`` corrupted ids and ``(T,)`` labels, which are -100 where nothing is to be predicted.
    """
    labels_T = np.where(mask_T, ids_T, IGNORED)
    draw_T = rng.random(len(ids_T))
    corrupted_T = np.where(mask_T & (draw_T < 0.8), mask_id, ids_T)
    replaced_T = mask_T & (draw_T >= 0.8) & (draw_T < 0.9)
    corrupted_T = np.where(replaced_T, rng.integers(vocabulary, size=len(ids_T)), corrupted_T)
    return corrupted_T, labels_T


class NestedMaskTransform(Transform):
    """Tokenises ``text`` and corrupts it twice, for a masked auto-encoder.

    Args:
        tokenizer: A fast tokenizer with a mask token; it puts a special token in front.
        length: Texts are cut to this many tokens.
        max_length: The most that the model reads; a length beyond it is refused.
        encoder_ratio: Share of positions masked for the encoder.
        decoder_ratio: Share masked for the decoder, which includes the encoder's.
        seed: The masks of a sample derive from it, the epoch and the sample's number.

    Raises:
        InputError: for a tokenizer that cannot mask whole words, or a length the model cannot read.
    """

    columns: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        length: int,
        max_length: int,
        encoder_ratio: float = 0.2,
        decoder_ratio: float = 0.4,
        seed: int = 0,
    ) -> None:
        if not tokenizer.is_fast or tokenizer.mask_token_id is None or tokenizer.cls_token_id is None:
            raise InputError(
                f"the tokenizer in {tokenizer.name_or_path} cannot mask whole words",
                expected="a fast tokenizer with a mask token, which puts a CLS token in front",
            )
        self.tokens = PortableTokenizer(tokenizer)
        self.length = check_length("length", length, max_length)
        self.encoder_ratio = encoder_ratio
        self.decoder_ratio = decoder_ratio
        self.seed = seed

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Corpus rows to ``encoder_ids``, ``encoder_labels``, ``decoder_ids``, ``decoder_labels``."""
        texts = texts_of(rows, "text")
        keys = zip(rows[EPOCH].to_pylist(), rows[SAMPLE].to_pylist(), strict=True)
        parts = zip(*self._tokenize(texts), keys, strict=True)
        model_rows = [self._corrupt(ids, words, *key) for ids, words, key in parts]
        names = [f"{side}_{kind}" for side in SIDES for kind in ("ids", "labels")]
        return pa.table(
            {name: pa.array([row[i] for row in model_rows], IDS) for i, name in enumerate(names)}
        )

    def collate(self, rows: pa.Table) -> Batch:
        """Stack model rows: the four columns as ``(B, T)`` int64, and ``attention_mask``."""
        batch: Batch = {}
        for side in SIDES:
            ids, mask = pad_lists(rows[f"{side}_ids"], self.tokens.pad_id, limit=self.length)
            labels, _ = pad_lists(rows[f"{side}_labels"], IGNORED, limit=self.length)
            batch |= {f"{side}_ids": ids, f"{side}_labels": labels, "attention_mask": mask}
        return batch

    def _tokenize(self, texts: list[str]) -> tuple[list[list[int]], list[list[int | None]]]:
        if not texts:
            return [], []
        tokens: Any = self.tokens.tokenizer(texts, truncation=True, max_length=self.length)
        return tokens["input_ids"], [tokens.word_ids(i) for i in range(len(texts))]

    def _corrupt(
        self, ids: list[int], words: list[int | None], epoch: int, sample: int
    ) -> tuple[Ints, ...]:
        rng, ids_T = sample_rng(self.seed, epoch, sample), np.array(ids, dtype=np.int64)
        few, many = (mask_budget(len(ids), ratio) for ratio in (self.encoder_ratio, self.decoder_ratio))
        masks = nested_masks(word_groups(words), len(ids), few, many, rng)
        tokenizer: Any = self.tokens.tokenizer
        sides = [corrupt(ids_T, mask_T, tokenizer.mask_token_id, len(tokenizer), rng) for mask_T in masks]
        return (*sides[0], *sides[1])
