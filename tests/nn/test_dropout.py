"""Dropout that a training puts in and a folder does not keep."""

from __future__ import annotations

import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.nn.dropout import set_dropout
from helpers.tiny import tiny_decoder


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_two_passes_differ_in_training_alone_and_nothing_is_saved(architecture, tmp_path):
    embedder = tiny_decoder(architecture=architecture)
    tokens = embedder.tokenize(["the red bird sings in the river"])
    before = embedder(**tokens)
    set_dropout(embedder.encoder, 0.3)
    torch.testing.assert_close(embedder(**tokens), before)
    embedder.train()
    one, other = embedder(**tokens), embedder(**tokens)
    assert (one - other).abs().max() > 1e-4
    opened = Embedder.load(embedder.eval().save(tmp_path / "m")).train()
    torch.testing.assert_close(opened(**tokens), opened(**tokens))
    torch.testing.assert_close(opened(**tokens), before)
