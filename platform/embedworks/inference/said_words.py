"""What a decoder says about texts: which of their own words, and whole rewrites of them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch

from embedworks.embedder import Embedder
from embedworks.nn.next_tokens import continuations, next_token_scores
from embedworks.nn.sparse_words import Weights, content_words, sparse_weights

BATCH = 64


@torch.no_grad()
def sparse_vectors(embedder: Embedder, texts: Sequence[str], prompt: str) -> list[Weights]:
    """PromptReps' weights of each text's own words (arXiv 2404.18424).

    Args:
        embedder: A decoder whose head is tied.
        texts: N texts.
        prompt: A template whose last token is about to say a word.
    """
    found = []
    for first in range(0, len(texts), BATCH):
        part = texts[first : first + BATCH]
        tokens = embedder.tokenize(part, prompt)
        scores_BV = next_token_scores(embedder.encoder, tokens["input_ids"], tokens["attention_mask"])
        for scores_V, text in zip(scores_BV, part, strict=True):
            words = embedder.tokenizer(content_words(text) or [""], add_special_tokens=False)["input_ids"]
            found.append(sparse_weights(scores_V.tolist(), {token for word in words for token in word}))
    return found


def rewritten(embedder: Embedder, texts: Sequence[str], task: str, *, tokens: int, seed: int) -> list[str]:
    """What the decoder draws behind ``"TEXT" , TASK: "``, up to the quotation mark (GenEOL).

    A text of which it says nothing stays as it is.

    Args:
        embedder: A decoder whose head is tied.
        texts: N texts.
        task: What it is asked for.
        tokens: Most tokens of a rewrite.
        seed: Of the draws, with the text itself: the same text is always rewritten alike.

    Raises:
        InputError: where the model cannot read so many tokens beside a text.
    """
    prompt, room = f'"{{sentence}}" , {task}: "', embedder.settings.max_length - tokens
    said: list[str] = []
    for first in range(0, len(texts), BATCH):
        drawn = continuations(
            embedder.encoder,
            embedder.reader.lists(texts[first : first + BATCH], room, prompt),
            seeds=[seed + zlib.crc32(text.encode()) for text in texts[first : first + BATCH]],
            tokens=tokens,
            pad_id=embedder.reader.pad_id,
            never=embedder.tokenizer.all_special_ids,
        )
        said += embedder.tokenizer.batch_decode(drawn)
    rewrites = (text.partition('"')[0].strip() for text in said)
    return [rewrite or text for rewrite, text in zip(rewrites, texts, strict=True)]
