"""The layer of presences, alone and in an embedder's folder."""

from __future__ import annotations

import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import load_projection, save_projection
from embedworks.nn.sigmoid_linear import SigmoidLinear
from helpers.tiny import tiny_model


def layer(scale: bool = False) -> SigmoidLinear:
    torch.manual_seed(0)
    made = SigmoidLinear(32, 5, scale=scale)
    if made.scale is not None:
        torch.nn.init.uniform_(made.scale, 0.5, 2.0)
    return made


def test_presences_by_hand():
    made = SigmoidLinear(2, 1)
    made.load_state_dict({"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([-3.0])})
    x = torch.tensor([[1.0, 1.0]])
    assert made.logits(x).item() == 0
    assert made(x).item() == 0.5


@pytest.mark.parametrize("scale", [False, True])
def test_it_is_read_as_it_was_written(tmp_path, scale):
    made, x = layer(scale), torch.randn(3, 32)
    save_projection(made, tmp_path)
    read = load_projection(tmp_path)
    assert isinstance(read, SigmoidLinear)
    assert (read.scale is not None) == scale
    assert torch.equal(read(x), made(x))


def test_sentence_transformers_reads_it_as_its_dense_layer(tmp_path):
    from sentence_transformers import SentenceTransformer

    embedder = tiny_model(normalize=False)
    embedder.projection = layer()
    folder = embedder.save(tmp_path / "m")
    theirs = SentenceTransformer(str(folder), device="cpu").encode(["a red fish"], convert_to_tensor=True)
    assert torch.allclose(theirs, Embedder.load(folder).encode(["a red fish"]), atol=1e-6)


def test_another_activation_is_refused(tmp_path):
    save_projection(layer(), tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("activation.Sigmoid", "activation.Tanh"))
    with pytest.raises(InputError, match="Tanh"):
        load_projection(tmp_path)
