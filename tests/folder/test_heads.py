"""Learned poolers in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import load_pooler, outline_embedder
from embedworks.nn.instructions import Instructions
from helpers.tiny import POOLERS, tiny_decoder

TEXTS = ["the cat", "a bird and a fish sing in the river " * 3, "sort the list!"]


@pytest.mark.parametrize("pooling", POOLERS)
def test_a_folder_brings_it_back(tmp_path: Path, pooling):
    embedder = tiny_decoder(instructions=Instructions(), **POOLERS[pooling])
    embedder.attend("bidirectional")
    prompt = Instructions().prompt("find the stone")
    opened = Embedder.load(embedder.save(tmp_path))
    assert opened.settings == embedder.settings
    assert torch.equal(opened.encode(TEXTS, prompt=prompt), embedder.encode(TEXTS, prompt=prompt))
    assert outline_embedder(tmp_path).full_pair == embedder.full_pair


def test_a_pooler_without_weights_or_of_another_shape_is_refused(tmp_path: Path):
    place = tiny_decoder(pooler={}).save(tmp_path) / "1_Pooling"
    config = place / "config.json"
    config.write_text(config.read_text().replace('"latents": 4', '"latents": 5'))
    with pytest.raises(InputError, match="cannot read the pooler"):
        load_pooler(place, "latent")
    (place / "model.safetensors").unlink()
    with pytest.raises(InputError, match="no weights"):
        load_pooler(place, "latent")
