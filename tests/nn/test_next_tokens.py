"""What a decoder would say next, checked against transformers' own causal model and a plain loop."""

from __future__ import annotations

import torch
from transformers import LlamaForCausalLM

from embedworks.nn.next_tokens import continuations, next_token_scores
from helpers.tiny import tiny_decoder


def test_scores_are_those_of_a_tied_causal_model():
    embedder = tiny_decoder()
    whole = LlamaForCausalLM(embedder.encoder.config).eval()
    whole.model.load_state_dict(embedder.encoder.state_dict())
    whole.lm_head.weight = whole.model.embed_tokens.weight
    tokens = embedder.tokenize(["the red bird", "a stone"])
    found = next_token_scores(embedder.encoder, **{f"{k}_BT": v for k, v in tokens.items()})
    for row, text in zip(found, ["the red bird", "a stone"], strict=True):
        ids = embedder.tokenize([text])["input_ids"]
        with torch.no_grad():
            torch.testing.assert_close(row, whole(input_ids=ids).logits[0, -1], atol=1e-4, rtol=1e-4)


def test_a_cold_continuation_is_the_likeliest_one_whatever_is_beside_it():
    embedder = tiny_decoder()
    rows = [embedder.tokenizer(text)["input_ids"] for text in ("the red bird sings", "a stone")]
    drawn = continuations(embedder.encoder, rows, seeds=[1, 2], tokens=3, pad_id=0, temperature=1e-4)
    for row, found in zip(rows, drawn, strict=True):
        grown = list(row)
        for _ in range(3):
            ids = torch.tensor([grown])
            grown.append(int(next_token_scores(embedder.encoder, ids, torch.ones_like(ids)).argmax()))
        assert found == grown[len(row) :]


def test_draws_are_a_rows_own_and_leave_out_what_is_never_said():
    embedder, row, never = tiny_decoder(), [2, 40, 41], range(60)
    keys = {"tokens": 8, "pad_id": 0, "never": never, "temperature": 5}
    one, other, again = continuations(embedder.encoder, [row] * 3, seeds=[1, 2, 1], **keys)
    assert one == again != other
    assert continuations(embedder.encoder, [row], seeds=[2], **keys) == [other]
    assert min(one + other) >= 60


def test_draws_have_the_models_frequencies():
    embedder, row = tiny_decoder(), [2, 40, 41]
    ids = torch.tensor([row])
    expected = next_token_scores(embedder.encoder, ids, torch.ones_like(ids))[0].div(8).softmax(-1)
    drawn = continuations(
        embedder.encoder, [row] * 2000, seeds=range(2000), tokens=1, pad_id=0, temperature=8
    )
    counts = torch.bincount(torch.tensor(drawn).flatten(), minlength=len(expected)) / 2000
    assert (counts - expected).abs().max() < 5 * (expected.max() / 2000).sqrt()
