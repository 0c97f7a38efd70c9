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
    drawn = continuations(embedder.encoder, rows, tokens=3, pad_id=0, temperature=1e-4)
    for row, found in zip(rows, drawn, strict=True):
        grown = list(row)
        for _ in range(3):
            ids = torch.tensor([grown])
            grown.append(int(next_token_scores(embedder.encoder, ids, torch.ones_like(ids)).argmax()))
        assert found == grown[len(row) :]


def test_draws_follow_the_seed_and_leave_out_what_is_never_said():
    embedder, rows = tiny_decoder(), [[2, 40, 41]] * 3
    never = range(60)
    one, other, again = (
        continuations(embedder.encoder, rows, tokens=8, pad_id=0, never=never, temperature=5, seed=seed)
        for seed in (1, 2, 1)
    )
    assert one == again != other
    assert min(token for row in one + other for token in row) >= 60
