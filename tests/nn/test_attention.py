"""The switch between causal, bidirectional and prefix attention, on every architecture of the list."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.nn.attention import DECODERS, attention_kind, prefix_mask, set_attention
from embedworks.nn.encoder import cut_layers, last_states
from embedworks.nn.instructions import Instructions
from helpers.tiny import tiny_decoder, tiny_model

ARCHITECTURES = ("gpt2", "llama", "qwen2")
LLAMA_LIKE = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "intermediate_size": 16,
}
TEMPLATE = Instructions()


def moved(embedder: Embedder, ids_1T: Tensor, place: int, at: int, layers: int = 3) -> bool:
    """Whether the state at one place changes with the token at another."""
    other = ids_1T.clone()
    other[0, place] += 1
    encoder, mask = cut_layers(embedder.encoder, layers), torch.ones_like(ids_1T)
    states = [last_states(encoder, ids, mask)[0, at] for ids in (ids_1T, other)]
    return not torch.allclose(*states, atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("layers", [3, 2])
def test_the_first_token_sees_the_last_one_only_both_ways(architecture, layers):
    embedder = tiny_decoder(architecture=architecture)
    ids = torch.arange(10, 16)[None]
    embedder.attend("causal")
    assert not moved(embedder, ids, place=-1, at=0, layers=layers)
    assert moved(embedder, ids, place=0, at=-1, layers=layers)
    embedder.attend("bidirectional")
    assert moved(embedder, ids, place=-1, at=0, layers=layers)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_a_prefix_sees_itself_both_ways_and_nothing_behind(architecture, kernel):
    embedder = tiny_decoder(architecture=architecture, instructions=TEMPLATE)
    embedder.attend("prefix")
    embedder.encoder.config._attn_implementation = kernel
    row = embedder.tokenize(["a red fish"], TEMPLATE.prompt("find the stone"))["input_ids"]
    stop = embedder.marks.length(row[0].tolist())
    inside = row[0].tolist().index(embedder.tokenizer.convert_tokens_to_ids("stone"))
    assert inside < stop
    assert moved(embedder, row, place=inside, at=1)
    assert not moved(embedder, row, place=stop, at=stop - 1)
    assert not moved(embedder, row, place=row.shape[1] - 1, at=stop)
    assert moved(embedder, row, place=inside, at=row.shape[1] - 1)


@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", DECODERS)
def test_every_decoder_of_the_list_is_switched(kind, kernel, padding):
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2} if kind == "gpt2" else LLAMA_LIKE
    made = AutoConfig.for_model(kind, vocab_size=60, bos_token_id=1, eos_token_id=2, **sizes)
    made._attn_implementation = kernel
    torch.manual_seed(0)
    model = AutoModel.from_config(made).eval()
    ids = torch.arange(10, 16 + padding)[None]
    mask = torch.tensor([[1] * 6 + [0] * padding])
    other = ids.clone()
    other[0, 5] += 20
    for attention, sees in (("causal", False), ("bidirectional", True), ("causal", False)):
        set_attention(model, attention)
        first, changed = (last_states(model, x, mask)[0, 0] for x in (ids, other))
        assert torch.allclose(first, changed, atol=1e-6) != sees


def test_the_prefix_mask_by_hand():
    # Two tokens of an instruction, one of the text, one of padding, which sees itself.
    mask = prefix_mask(torch.tensor([[1, 1, 1, 0]]), torch.tensor([2]))
    assert mask[0, 0].int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize("kind", ["causal", "bidirectional", "prefix"])
def test_the_switch_is_kept_in_the_folder(tmp_path: Path, kind):
    embedder = tiny_decoder(instructions=TEMPLATE)
    embedder.attend(kind)
    opened = Embedder.load(embedder.save(tmp_path))
    assert attention_kind(opened.encoder) == kind
    texts, prompt = ["a red fish", "sing"], TEMPLATE.prompt("find it")
    assert torch.equal(opened.encode(texts, prompt=prompt), embedder.encode(texts, prompt=prompt))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["causal", "bidirectional", "prefix"])
@pytest.mark.parametrize("pooling", ["mean", "last", "weighted-mean"])
def test_a_text_is_the_same_alone_and_in_a_longer_batch(architecture, kind, pooling):
    embedder = tiny_decoder(architecture=architecture, instructions=TEMPLATE, pooling=pooling)
    embedder.attend(kind)
    texts = ["a red fish", "the old bird sings to the moon and the sun", "tree"]
    together = embedder.encode(texts, prompt=TEMPLATE.prompt("find it"))
    alone = torch.cat([embedder.encode([text], prompt=TEMPLATE.prompt("find it")) for text in texts])
    assert torch.allclose(together, alone, atol=1e-5)


def test_encoders_have_no_switch():
    model = tiny_model()
    assert attention_kind(model.encoder) == "bidirectional"
    with pytest.raises(InputError, match="'bert'"):
        model.attend("causal")


def test_a_prefix_needs_to_be_known():
    embedder = tiny_decoder()
    with pytest.raises(InputError, match="instructions"):
        embedder.attend("prefix")
    with pytest.raises(ValueError, match="marks"):
        set_attention(embedder.encoder, "prefix")
