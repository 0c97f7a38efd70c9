"""Nested whole-word masks: a lightly masked text for an encoder inside a heavily masked one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedworks.errors import InputError
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import Ints, check_length, flatten, pad_columns, texts_of
from embedworks.transforms.transform import Batch, Transform, row_rngs
from embedworks.transforms.words import count_words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
SIDES = ("encoder", "decoder")

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Shape legend: B texts, T tokens of one text, N all tokens of all texts, end to end, special tokens
# included; W words of all texts.


def mask_budget(lengths_B: Ints, ratio: float) -> Ints:
    """``max(1, round(T p))``: how many positions of each text may be masked."""
    budget_B: Ints = np.maximum(1, np.rint(lengths_B * ratio)).astype(np.int64)
    return budget_B


def nested_words(
    sizes: Sequence[int], n_encoder: int, n_decoder: int, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Draw whole words of one text for two masks, the encoder's inside the decoder's.

    Words come in random order. One that would push the union of both masks above the larger budget is
    passed over; otherwise it joins the decoder's mask if it fits there, and the encoder's as well if it
    fits under both budgets. As the decoder's budget is the larger one, its mask is the union.

    Args:
        sizes: Tokens of each word.
        n_encoder: Budget of the encoder, in tokens.
        n_decoder: Budget of the decoder, at least as large.
        rng: The sample's generator.

    Returns:
        Indices of the encoder's words, and of the decoder's.
    """
    assert n_encoder <= n_decoder, "the encoder's mask lies inside the decoder's"
    encoder: list[int] = []
    decoder: list[int] = []
    for word in rng.permutation(len(sizes)).tolist():
        size = sizes[word]
        if size > n_decoder:
            continue
        decoder.append(word)
        n_decoder -= size
        if size <= n_encoder:
            encoder.append(word)
            n_encoder -= size
        if not n_decoder:
            break  # every word has a token
    return encoder, decoder


def corrupt(ids_N: Ints, mask_N: Bools, mask_id: int, draw_N: Floats, random_N: Ints) -> tuple[Ints, Ints]:
    """BERT's corruption of the masked positions: 80 % [MASK], 10 % a random token, 10 % kept.

    Args:
        ids_N: Clean ids.
        mask_N: Which positions are masked.
        mask_id: Id of [MASK].
        draw_N: Uniform on [0, 1); decides between the three.
        random_N: Random tokens.

    Returns:
        ``(N,)`` corrupted ids and ``(N,)`` labels, which are -100 where nothing is to be predicted.
    """
    labels_N = np.where(mask_N, ids_N, IGNORED).astype(np.int32)
    corrupted_N = np.where(mask_N & (draw_N < 0.8), mask_id, ids_N)
    replaced_N = mask_N & (draw_N >= 0.8) & (draw_N < 0.9)
    return np.where(replaced_N, random_N, corrupted_N).astype(np.int32), labels_N


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
        self.tokens = PortableTokenizer(tokenizer)
        special = (tokenizer.mask_token_id, tokenizer.cls_token_id)
        if not self.tokens.knows_words or None in special:
            raise InputError(
                f"the tokenizer in {tokenizer.name_or_path} cannot mask whole words",
                expected="a fast tokenizer with a mask token, which puts a CLS token in front",
            )
        self.mask_id: int = tokenizer.mask_token_id
        self.length = check_length("length", length, max_length)
        self.encoder_ratio = encoder_ratio
        self.decoder_ratio = decoder_ratio
        self.seed = seed

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Corpus rows to ``encoder_ids``, ``encoder_labels``, ``decoder_ids``, ``decoder_labels``."""
        ids, word_N = self.tokens.encode_words(texts_of(rows, "text"), self.length)
        rngs = row_rngs(self.seed, rows)
        ids_N, lengths_B = flatten(ids)
        masks_2N = self._masks(word_N, lengths_B, rngs)
        # From here on a text's generator draws for the encoder, then for the decoder.
        columns: dict[str, pa.Array] = {}
        for side, mask_N in zip(SIDES, masks_2N, strict=True):
            draw_N, random_N = self._draw(lengths_B, rngs)
            pair = corrupt(ids_N, mask_N, self.mask_id, draw_N, random_N)
            for kind, values_N in zip(("ids", "labels"), pair, strict=True):
                columns[f"{side}_{kind}"] = pa.ListArray.from_arrays(ids.offsets, values_N)
        return pa.table(columns)

    def collate(self, rows: pa.Table) -> Batch:
        """Stack model rows: the four columns as ``(B, T)`` int64, and ``attention_mask``."""
        padding = {"ids": self.tokens.pad_id, "labels": IGNORED}
        named = {f"{side}_{kind}": value for side in SIDES for kind, value in padding.items()}
        columns = [(rows[name], value) for name, value in named.items()]
        tensors, mask_BT = pad_columns(columns, limit=self.length)
        return {**dict(zip(named, tensors, strict=True)), "attention_mask": mask_BT}

    def _masks(self, word_N: Ints, lengths_B: Ints, rngs: Sequence[np.random.Generator]) -> Bools:
        """``(2, N)`` masks of all texts, the encoder's and the decoder's."""
        budgets = [
            mask_budget(lengths_B, ratio).tolist() for ratio in (self.encoder_ratio, self.decoder_ratio)
        ]
        chosen: tuple[list[int], list[int]] = ([], [])
        sizes, first = np.bincount(word_N[word_N >= 0]).tolist(), 0
        counts = count_words(word_N, lengths_B).tolist()
        for count, few, many, rng in zip(counts, *budgets, rngs, strict=True):
            sides = nested_words(sizes[first : first + count], few, many, rng)
            for into, indices in zip(chosen, sides, strict=True):
                into += [first + word for word in indices]
            first += count
        flags_2W = np.zeros((2, len(sizes) + 1), dtype=bool)  # the last stands for special tokens
        for flags_W, indices in zip(flags_2W, chosen, strict=True):
            flags_W[indices] = True
        return flags_2W[:, word_N]

    def _draw(self, lengths_B: Ints, rngs: Sequence[np.random.Generator]) -> tuple[Floats, Ints]:
        """``(N,)`` uniform numbers and ``(N,)`` random tokens, each text's from its own generator."""
        draw_N, random_N = np.empty(lengths_B.sum()), np.empty(lengths_B.sum(), np.int64)
        start = 0
        for length, rng in zip(lengths_B.tolist(), rngs, strict=True):
            stop = start + length
            rng.random(out=draw_N[start:stop])
            random_N[start:stop] = rng.integers(self.tokens.vocabulary, size=length)
            start = stop
        return draw_N, random_N
