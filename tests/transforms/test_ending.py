"""Tokenizers that are made to end texts."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from embedworks.errors import InputError
from embedworks.folder import load_tokenizer
from embedworks.transforms.ending import ended
from embedworks.transforms.tokenizer import PortableTokenizer
from helpers.tiny import tiny_tokenizer

VOCABULARY = {"<s>": 0, "</s>": 1, "<unk>": 2, "a": 3, "b": 4}


def decoders_own(begins: bool = True, **names: str) -> PreTrainedTokenizerFast:
    """As that of Mistral: it begins a text and does not end it."""
    backend = Tokenizer(models.WordLevel(VOCABULARY, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if begins:
        backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    names = {"eos_token": "</s>", "pad_token": "</s>", **names}
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", **names)


@pytest.mark.parametrize(("begins", "before"), [(True, [0]), (False, [])])
def test_a_text_ends_with_the_end_token_and_begins_as_before(begins, before, tmp_path):
    tokenizer = ended(decoders_own(begins))
    assert tokenizer("a b")["input_ids"] == [*before, 3, 4, 1]
    assert ended(tokenizer)("a b")["input_ids"] == [*before, 3, 4, 1], "once"
    assert PortableTokenizer(tokenizer).lists(["a b a b", "b"], 3 + begins) == [
        [*before, 3, 4, 1],
        [*before, 4, 1],
    ]
    assert tokenizer("a b a b", truncation=True, max_length=3)["input_ids"][-1] == 1
    tokenizer.save_pretrained(tmp_path)
    assert load_tokenizer(tmp_path)("a")["input_ids"] == [*before, 3, 1]


def test_a_tokenizer_that_ends_texts_stays_as_it_is():
    tokenizer = tiny_tokenizer()
    rules = tokenizer.backend_tokenizer.to_str()
    assert ended(tokenizer).backend_tokenizer.to_str() == rules


def test_a_tokenizer_without_an_end_is_refused():
    tokenizer = decoders_own(pad_token="<unk>")
    tokenizer.eos_token = None
    with pytest.raises(InputError, match="no end token"):
        ended(tokenizer)
