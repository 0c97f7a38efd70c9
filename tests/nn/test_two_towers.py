from __future__ import annotations

import pytest
import torch

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.nn.bag_of_words import BagOfWords, BagOfWordsConfig
from embedworks.nn.bert import new_bert
from embedworks.nn.two_towers import TwoTowers, TwoTowersConfig
from helpers.tiny import tiny_tokenizer

MARK = 7


def bert():
    return new_bert(vocabulary=200, width=16, layers=2, heads=2, max_length=32, pad_id=0)


def bag():
    return BagOfWords(BagOfWordsConfig(vocab_size=200, embedding_size=8, hidden_size=16))


def towers(inner, mark: int = MARK) -> TwoTowers:
    torch.manual_seed(0)
    return TwoTowers(TwoTowersConfig(tower=inner.config.to_dict(), hidden_size=6, mark=mark)).eval()


@pytest.mark.parametrize("inner", [bert, bag])
def test_a_mark_behind_the_first_token_leads_to_the_queries_tower(inner):
    model = towers(inner())
    ids = torch.randint(8, 200, (4, 5), generator=torch.Generator().manual_seed(0))
    ids[1, 1] = ids[3, 1] = MARK
    ids[0, 2] = MARK  # anywhere else it is a word
    mask = torch.ones_like(ids)
    found = model(ids, mask).last_hidden_state[:, 0]
    for row, side in enumerate(("document", "query", "document", "query")):
        alone = model.towers[side](ids[row : row + 1], mask[row : row + 1])[0]
        assert torch.allclose(found[row], alone, atol=1e-5)
    other = model.towers["document"](ids[1:2], mask[1:2])[0]
    assert not torch.allclose(found[1], other, atol=1e-3)


def test_each_side_learns_from_its_own_texts_alone():
    model = towers(bert())
    ids = torch.full((2, 4), 9)
    model(ids).last_hidden_state.sum().backward()
    assert all(p.grad is None for p in model.towers["query"].parameters())
    assert model.towers["document"].head.weight.grad.abs().max() > 0


@pytest.mark.parametrize("inner", [bert, bag])
def test_a_folder_opens_as_an_embedder_with_a_prompt(tmp_path, inner):
    tokenizer = tiny_tokenizer()
    model = towers(inner(), int(tokenizer.mask_token_id))
    settings = EmbedderSettings(
        pooling="cls", normalize=False, similarity="dot", max_length=32, prompts={"query": "[MASK]"}
    )
    embedder = Embedder(model, tokenizer, settings)
    texts = ["the cat", "a red bird"]
    queries = embedder.encode(texts, prompt=settings.prompts["query"])
    loaded = Embedder.load(embedder.save(tmp_path / "towers"))
    assert torch.allclose(loaded.encode(texts), embedder.encode(texts), atol=1e-6)
    assert torch.allclose(loaded.encode(texts, prompt="[MASK]"), queries, atol=1e-6)
    assert (queries - loaded.encode(texts)).abs().max() > 1e-4
    assert loaded.full_pair == (1, 6)
