from __future__ import annotations

import torch
from transformers import AutoModel

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.nn.bag_of_words import BagOfWords, BagOfWordsConfig
from helpers.tiny import tiny_tokenizer


def bag() -> BagOfWords:
    torch.manual_seed(0)
    return BagOfWords(BagOfWordsConfig(vocab_size=200, embedding_size=8, hidden_size=4))


def test_the_order_of_words_and_padding_do_not_matter():
    model = bag()
    ids = torch.tensor([[5, 6, 7, 8], [8, 5, 7, 6]])
    first, second = model(ids, torch.ones_like(ids)).last_hidden_state
    assert torch.allclose(first, second, atol=1e-6)
    padded = torch.tensor([[5, 6, 7, 8, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]])
    assert torch.allclose(model(padded, mask).last_hidden_state[0, 0], first[0], atol=1e-6)
    other = model(torch.tensor([[5, 6, 7, 9]])).last_hidden_state[0, 0]
    assert (other - first[0]).abs().max() > 1e-4


def test_it_is_a_mean_and_an_mlp_by_hand():
    model = bag()
    with torch.no_grad():
        model.words.weight.zero_()
        model.words.weight[5, 0], model.words.weight[6, 0] = 1.0, 3.0
        inner, _, outer = model.layers[0]
        inner.weight.zero_(), outer.weight.zero_()
        inner.weight[1, 0], outer.weight[2, 1] = 0.25, 10.0
    # The mean of 1 and 3 is 2; tanh(.25 * 2) = .4621, times 10 at the third place.
    found = model(torch.tensor([[5, 6]])).last_hidden_state[0, 1]
    assert torch.allclose(found, torch.tensor([0, 0, 4.6212, 0]), atol=1e-4)


def test_a_folder_opens_as_an_embedder(tmp_path):
    settings = EmbedderSettings(pooling="cls", normalize=False, similarity="dot", max_length=32)
    embedder = Embedder(bag(), tiny_tokenizer(), settings)
    texts = ["the red cat", "a bird", "cat the red"]
    expected = embedder.encode(texts)
    loaded = Embedder.load(embedder.save(tmp_path / "bag"))
    assert torch.allclose(loaded.encode(texts), expected, atol=1e-6)
    assert torch.allclose(expected[0], expected[2], atol=1e-6)
    assert (loaded.full_pair, loaded.settings) == ((1, 4), settings)
    assert type(AutoModel.from_pretrained(tmp_path / "bag")) is BagOfWords
