"""The checks of LLM-based embedders (arXiv 2412.12591), on tiny decoders and hand examples."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional as F

from embedworks.catalog import find_objective
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.engine import Engine
from embedworks.inference.prompted_decoder import Measured
from embedworks.jobs.claims.load import load_claim
from embedworks.nn.attention import attention_kind
from embedworks.nn.pooling import pool
from embedworks.nn.token_prepending import token_prepending_of
from embedworks.objective import Start
from embedworks.serving.config import Served
from embedworks.serving.protocol import EmbeddingRequest
from embedworks.serving.room import Room
from embedworks.systems.text_embedding.llm_embedders import DirectPrompting, LlmEmbedders, Mntp
from embedworks.transforms.embedding_prompts import METAEOL, PROMPTEOL, PROMPTS
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE
from helpers.tiny import UNEVEN_TEXTS, tiny_decoder, tiny_embedder

PAIRS = [
    ("the red bird sings", "bird"),
    ("an old river", "river"),
    ("sort the numbers", "list"),
    ("a fish in the river", "fish"),
    ("it grows to be a tree", "tree"),
    ("it lights up at night", "moon"),
]
ROWS = [{"query": query, "positive": positive, SOURCE: 0} for query, positive in PAIRS]
LAYERS, LENGTH = 3, 128
METHODS = [method for kind in get_args(Measured) for method in get_args(kind)]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    made = tiny_decoder(layers=LAYERS, pooling="last", max_length=LENGTH)
    return made.save(tmp_path_factory.mktemp("llm") / "base")


def direct(base: Path, folder: Path, **keys: Any) -> DirectPrompting:
    config = DirectPrompting.Config(**{"dev": 4, "examples": 2, "rewrite_length": 3, **keys})
    start = Start(base=base, seed=3, artifacts=folder)
    folder.mkdir(exist_ok=True)
    DirectPrompting.prepare(config, start, lambda: iter(ROWS), folder)
    return DirectPrompting(config, start)


# -- without training --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(base, tmp_path_factory) -> tuple[Embedder, Embedder]:
    """What a stage made, and what its folder gives."""
    place = tmp_path_factory.mktemp("exported")
    made = direct(base, place / "a", method="prompteol-icl").embedder()
    return made, Embedder.load(made.save(place / "m"))


@pytest.mark.parametrize("name", [*PROMPTS, "tp", "prompteol-icl"])
def test_padding_changes_no_vector_and_the_export_is_served_under_every_method(exported, name):
    made, opened = exported
    prompt = opened.settings.prompts[name]
    together = made.encode(UNEVEN_TEXTS, prompt=prompt)
    for vector, text in zip(together, UNEVEN_TEXTS, strict=True):
        torch.testing.assert_close(vector[None], made.encode([text], prompt=prompt), atol=1e-5, rtol=0)
    torch.testing.assert_close(opened.encode(UNEVEN_TEXTS, prompt=prompt), together, atol=1e-5, rtol=0)
    served = Engine(opened, "fp32").encode(UNEVEN_TEXTS, prompt=prompt)
    np.testing.assert_allclose(served, together, atol=1e-5)


def test_prompteol_is_the_state_of_the_open_quotation_mark(base, tmp_path):
    made = direct(base, tmp_path / "a").embedder()
    ids, mask = made.tokenize(["the red bird"], PROMPTEOL).values()
    said = made.tokenizer.decode(ids[0], skip_special_tokens=True)
    assert said == "this sentence the red bird. means in one word"  # this vocabulary has no quotation mark
    assert ids[0, -1] == made.tokenizer.unk_token_id
    assert ids[0, -1] != made.tokenizer.sep_token_id
    last = made.layer_states(ids, mask)[-1][:, -1]
    torch.testing.assert_close(made.encode(["the red bird"], prompt=PROMPTEOL), last)
    # Readers that ask for a prompt of queries or of a type of tasks get the method.
    assert {made.settings.prompts[name] for name in ("query", "document", "STS")} == {PROMPTEOL}


@pytest.mark.parametrize(
    ("method", "pooling"), [("mean", "mean"), ("last", "last"), ("weighted-mean",) * 2]
)
def test_bare_methods_pool_the_prepared_sentence(base, tmp_path, method, pooling):
    made = direct(base, tmp_path / "a", method=method).embedder()
    ids, mask = made.tokenize(["the red bird"], made.settings.prompts["query"]).values()
    assert made.tokenizer.decode(ids[0]) == "[CLS] the red bird."
    expected = pool(made.layer_states(ids, mask)[-1], mask, pooling)
    torch.testing.assert_close(
        made.encode(["the red bird"], prompt=made.settings.prompts["query"]), expected
    )


def test_metaeol_is_the_mean_of_eight_raw_vectors(base, tmp_path):
    made = direct(base, tmp_path / "a", method="metaeol").embedder()
    parts = torch.stack([made.encode(["the red bird"], prompt=one) for one in METAEOL])
    assert not made.settings.normalize
    torch.testing.assert_close(
        made.encode(["the red bird"], prompt=PROMPTS["metaeol"]), parts.mean(0), atol=1e-5, rtol=0
    )


def test_an_empty_range_of_token_prepending_is_the_prompt_alone(base, tmp_path):
    none = direct(base, tmp_path / "a", method="tp", first=2, end=2).embedder()
    some = direct(base, tmp_path / "b", method="tp", first=1, end=3).embedder()
    prompt = none.settings.prompts["tp"]
    assert token_prepending_of(some.encoder).end == 3
    found, bare = none.encode(["the red bird"], prompt=prompt), some.encode(["the red bird"], prompt=prompt)
    assert (found - bare).abs().max() > 1e-4
    some.encoder.config.token_prepending = None
    torch.testing.assert_close(some.encode(["the red bird"], prompt=prompt), found)


def test_every_method_is_measured_and_the_same_seed_finds_the_same(base, tmp_path):
    assert len(METHODS) == 15
    made = direct(base, tmp_path / "a", measured=METHODS)
    numbers = made.diagnostics()
    for method in METHODS:
        assert 1 / 4 <= numbers[f"dev/{method}"] <= numbers[f"dev/{method}/best"] <= 1
        assert 1 <= numbers[f"dev/{method}/layer"] <= LAYERS
    assert made.found["example"] in [list(pair) for pair in PAIRS[4:]], "none of the dev pairs"
    some = ("geneol", "tp", "prompteol-icl", "promptreps-hybrid")
    again = direct(base, tmp_path / "b", measured=some).diagnostics()
    assert again.items() <= numbers.items()


def test_the_numbers_are_those_of_the_vectors(base, tmp_path):
    made = direct(base, tmp_path / "a", method="echo")
    embedder = made.embedder()
    prompt = embedder.settings.prompts["echo"]
    queries, positives = zip(*PAIRS[:4], strict=True)
    for layer in range(1, LAYERS + 1):
        sides = [embedder.encode(side, prompt=prompt, layers=layer) for side in (queries, positives)]
        scores = F.cosine_similarity(sides[0][:, None], sides[1][None], dim=-1)
        ranks = (scores >= scores.diag()[:, None]).sum(1).float()
        assert made.found["ranks"]["echo"][str(layer)] == pytest.approx((1 / ranks).mean().item())


def test_the_read_out_layer_is_chosen_or_given(base, tmp_path):
    whole = direct(base, tmp_path / "a")
    best = direct(base, tmp_path / "b", layer="best").embedder()
    assert best.num_layers == whole.found["best"]["prompteol"]
    second = direct(base, tmp_path / "c", layer=2).embedder()
    prompt = second.settings.prompts["query"]
    torch.testing.assert_close(
        second.encode(["the red bird"], prompt=prompt),
        whole.embedder().encode(["the red bird"], prompt=prompt, layers=2),
    )


def test_there_is_nothing_to_train_and_something_to_measure(base, tmp_path):
    with pytest.raises(InputError, match="steps: 0"):
        DirectPrompting.transform(DirectPrompting.Config(), Start(base=base))
    with pytest.raises(InputError, match="fewer than two"):
        DirectPrompting.prepare(
            DirectPrompting.Config(), Start(base=base), lambda: iter(ROWS[:1]), tmp_path
        )
    with pytest.raises(InputError, match="demonstration"):
        direct(base, tmp_path / "a", method="prompteol-icl", dev=6)


def test_a_request_names_the_method_and_the_layer(base, tmp_path):
    made = direct(base, tmp_path / "a", method="echo").embedder()
    folder = made.save(tmp_path / "m")
    room = Room.open(Served(name="m", source="m", folder=folder, created=1, precision="fp32"))
    try:
        for name in ("prompteol", "metaeol", "tp", "echo"):
            request = EmbeddingRequest(model="m", input=["the red bird"], prompt_name=name, layers=2)
            found = asyncio.run(room.answer(request)).vectors
            expected = made.encode(["the red bird"], prompt=made.settings.prompts[name], layers=2)
            np.testing.assert_allclose(found, expected, atol=1e-5)
    finally:
        room.close()


# -- the warm-up -------------------------------------------------------------------------------------


def mntp(base: Path, rate: float) -> tuple[Mntp, dict[str, torch.Tensor]]:
    config, start = Mntp.Config(rate=rate, length=16), Start(base=base, seed=1)
    rows = pa.table({"text": [q for q, _ in PAIRS], SAMPLE: range(len(PAIRS)), EPOCH: [0] * len(PAIRS)})
    transform = Mntp.transform(config, start)
    return Mntp(config, start), transform.collate(transform(rows))


def test_a_blank_is_scored_one_position_earlier_by_a_model_that_looks_both_ways(base):
    objective, batch = mntp(base, 0.4)
    embedder = objective.embedder()
    assert attention_kind(embedder.encoder) == "bidirectional"
    states = embedder.layer_states(batch["input_ids"], batch["attention_mask"])[-1]
    table = embedder.encoder.get_input_embeddings().weight
    losses = [
        F.cross_entropy((states[row, place - 1] @ table.T)[None], batch["labels"][row, place][None]).item()
        for row, place in (batch["labels"] >= 0).nonzero().tolist()
    ]
    assert objective(batch)["loss"].item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_a_batch_without_blanks_is_skipped(base):
    objective, batch = mntp(base, 0.0)
    objective(batch)["loss"].backward()
    assert objective(batch)["loss"].item() == 0
    assert not any(p.grad is not None and p.grad.any() for p in objective.parameters())


def test_blanks_of_a_batch_are_learned(base):
    objective, batch = mntp(base, 0.3)
    history = overfit(objective, batch, 40)
    assert history[-1] < 0.3 * history[0]


# -- tuning ------------------------------------------------------------------------------------------


def config(**keys: Any) -> LlmEmbedders.Config:
    shape = {"latents": 4, "heads": 2, "head_width": 8}
    return LlmEmbedders.Config(**{"query_length": 64, "positive_length": 64, **shape, **keys})


def started(base: Path, folder: Path, cfg: LlmEmbedders.Config) -> Start:
    folder.mkdir(exist_ok=True)
    start = Start(base=base, seed=3, artifacts=folder)
    LlmEmbedders.prepare(cfg, start, lambda: iter(ROWS), folder)
    return start


def batch_of(cfg: LlmEmbedders.Config, start: Start) -> dict[str, torch.Tensor]:
    texts = [query for query, _ in PAIRS]
    numbers = {SAMPLE: range(len(PAIRS)), EPOCH: [0] * len(PAIRS), SOURCE: [0] * len(PAIRS)}
    transform = LlmEmbedders.transform(cfg, start)
    return transform.collate(transform(pa.table({"query": texts, "text": texts, **numbers})))


def overfit(objective: Any, batch: dict[str, torch.Tensor], steps: int) -> list[float]:
    """Losses of some steps on one batch; every parameter must have a gradient in the first."""
    optimizer, history = torch.optim.Adam(objective.parameters(), lr=3e-3), []
    for _ in range(steps):
        torch.manual_seed(len(history))
        loss = objective(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        if not history:
            still = [n for n, p in objective.named_parameters() if p.grad is None or not p.grad.any()]
            assert not still
        optimizer.step()
        history.append(loss.item())
    return history


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"pooling": "latent", "hard_negatives": 0},
        {"attention": "causal", "pooling": "last", "prompt": "prompteol"},
        {"attention": "causal", "prompt": "echo"},
        {"pooling": "weighted-mean", "prompt": "instruction"},
        {"loss": "simcse"},
    ],
)
def test_one_batch_is_learned_and_what_is_trained_is_what_is_exported(base, tmp_path, keys):
    cfg = config(**keys)
    start = started(base, tmp_path, cfg)
    objective, batch = LlmEmbedders(cfg, start).train(), batch_of(cfg, start)
    history = overfit(objective, batch, 30)
    assert history[-1] < 0.5 * history[0]
    trained = F.normalize(objective.eval().represent(batch)["query"], dim=-1)
    opened = Embedder.load(objective.embedder().save(tmp_path / "out"))
    assert attention_kind(opened.encoder) == cfg.attention
    prompt = opened.settings.prompts.get("query", "")
    queries = [query for query, _ in PAIRS]
    torch.testing.assert_close(opened.encode(queries, prompt=prompt), trained, atol=1e-5, rtol=0)
    served = Engine(opened, "fp32").encode(queries, prompt=prompt)
    np.testing.assert_allclose(served, trained.detach(), atol=1e-5)


def test_the_loss_is_that_of_llm2vec_by_hand(base):
    # McGill-NLP/llm2vec, HardNegativeNLLLoss: cosines x 20 with all positives, then all hard negatives.
    objective = LlmEmbedders(config(), Start(base=base))
    query = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    candidate = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.8, 0.6]])  # positive, negative, ...
    found = objective.compare({"query": query, "candidate": candidate}, {})["loss"].item()
    # Both queries: own positive 1, other positive 0, own negative .6, other negative .8.
    assert found == pytest.approx(math.log(sum(math.exp(20 * s) for s in (1, 0, 0.6, 0.8))) - 20, rel=1e-4)


def test_simcse_compares_a_text_with_itself_under_another_dropout(base, tmp_path):
    cfg = config(loss="simcse")
    start = started(base, tmp_path, cfg)
    objective, batch = LlmEmbedders(cfg, start).train(), batch_of(cfg, start)
    torch.manual_seed(1)
    one = objective.represent(batch)
    assert (one["query"] - one["candidate"]).abs().max() > 1e-4
    torch.manual_seed(1)
    assert torch.equal(objective.represent(batch)["query"], one["query"])
    rest = objective.eval().represent(batch)
    assert torch.equal(rest["query"], rest["candidate"])


def test_prompts_stand_round_the_texts_that_have_them(base, tmp_path):
    def first(prompt: str) -> tuple[str, str]:
        cfg = config(prompt=prompt, hard_negatives=0, instruction="find the word")
        start = started(base, tmp_path / prompt, cfg)
        batch = batch_of(cfg, start)
        decode = start.tokenizer.decode
        return tuple(
            decode(batch[f"{side}_ids"][0], skip_special_tokens=True) for side in ("query", "candidate")
        )

    assert first("none") == ("the red bird sings", "bird")
    assert first("prompteol") == (
        "this sentence the red bird sings. means in one word",
        "this sentence bird. means in one word",
    )
    assert first("echo") == (
        "query the red bird sings query again the red bird sings",
        "query bird query again bird",
    )
    assert first("instruction") == ("instruct find the word query the red bird sings", "bird")


def test_hard_negatives_are_the_teachers_or_drawn(base, tmp_path):
    teacher = tiny_embedder(tmp_path / "teacher", layers=1)
    cfg = config(teacher=str(teacher), margin=1.0)
    start = started(base, tmp_path, cfg)
    batch = batch_of(cfg, start)
    texts = start.tokenizer.batch_decode(batch["candidate_ids"], skip_special_tokens=True)
    vectors = Embedder.load(teacher)
    query = vectors.encode([PAIRS[0][0]])
    scores = {p: float(query @ vectors.encode([p]).T) for _, p in PAIRS}
    allowed = {p: s for p, s in scores.items() if s < scores["bird"]}
    expected = max(allowed, key=allowed.get) if allowed else min(scores, key=scores.get)
    assert texts[:2] == ["bird", expected]
    drawn = batch_of(config(), started(base, tmp_path, config()))
    others = start.tokenizer.batch_decode(drawn["candidate_ids"], skip_special_tokens=True)
    assert others[::2] == [p for _, p in PAIRS]
    assert all(right != wrong for right, wrong in zip(others[::2], others[1::2], strict=True))


def test_the_same_seed_gives_the_same(base, tmp_path):
    cfg = config(pooling="latent")
    start = started(base, tmp_path, cfg)
    losses = [LlmEmbedders(cfg, start)(batch_of(cfg, start))["loss"].item() for _ in range(2)]
    assert losses[0] == losses[1]
    other = LlmEmbedders(cfg, replace(start, seed=4))
    assert other(batch_of(cfg, start))["loss"].item() != losses[0]


def test_an_encoder_is_no_base(tmp_path):
    folder = tiny_embedder(tmp_path / "bert", layers=1)
    with pytest.raises(InputError, match="'bert'"):
        LlmEmbedders(config(), Start(base=folder))
    with pytest.raises(InputError, match="'bert'"):
        Mntp(Mntp.Config(), Start(base=folder))


# -- the files beside it -----------------------------------------------------------------------------


def test_the_catalogue_knows_all_three():
    assert find_objective("llm-embedders") is LlmEmbedders
    assert find_objective("llm-embedders/direct") is DirectPrompting
    assert find_objective("llm-embedders/mntp") is Mntp


@pytest.mark.parametrize("profile", ["", "full"])
def test_the_claim_is_whole(profile):
    claim = load_claim("llm-embedders", profile).claim
    for method in ("mean", "last", "prompteol", "prompteol-icl", "metaeol", "echo", "tp", "promptreps"):
        assert claim.arms[method].set["direct.objective.method"] == method
    assert claim.arms["reference"].role == "system"
    assert len(claim.seeds) == 3
