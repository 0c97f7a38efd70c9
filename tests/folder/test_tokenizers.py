"""Tokenizers of folders: what a model from elsewhere may lack."""

from __future__ import annotations

import json

import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder.tokenizers import load_tokenizer
from helpers.tiny import UNEVEN_TEXTS, tiny_decoder


@pytest.mark.parametrize("known", [{"eos_token": "[SEP]"}, {"eos_token": None, "unk_token": None}])
def test_a_decoder_without_a_pad_token_embeds_texts_of_uneven_lengths(tmp_path, known):
    made = tiny_decoder(pooling="last")
    expected = torch.cat([made.encode([text]) for text in UNEVEN_TEXTS])
    made.tokenizer.pad_token = None
    for name, token in known.items():
        setattr(made.tokenizer, name, token)
    made.tokenizer.save_pretrained(tmp_path / "tokenizer")
    assert not json.loads((tmp_path / "tokenizer" / "tokenizer_config.json").read_text())["pad_token"]
    opened = load_tokenizer(tmp_path / "tokenizer")
    assert opened.pad_token_id is not None
    read = Embedder(made.encoder, opened, made.settings)
    torch.testing.assert_close(read.encode(UNEVEN_TEXTS), expected, atol=1e-5, rtol=0)


def test_a_folder_without_a_tokenizer_is_told_what_it_lacks(tmp_path):
    with pytest.raises(InputError, match=r"no tokenizer.*vocab\.txt"):
        load_tokenizer(tmp_path)
