"""The checks of NV-Embed (arXiv 2405.17428), on tiny decoders and hand examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional as F

from embedworks.catalog import find_objective
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.engine import Engine
from embedworks.nn.attention import attention_kind
from embedworks.objective import Start
from embedworks.systems.text_embedding.nv_embed import TEMPLATE, NvEmbed, NvEmbedPretrain
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE
from helpers.tiny import tiny_decoder, tiny_embedder

PAIRS = [
    ("red bird", "the bird is red"),
    ("old river", "a river is old"),
    ("sort numbers", "sort the list"),
]
CLASSES = [
    ("cat", "life"),
    ("dog", "life"),
    ("sun", "sky"),
    ("moon", "sky"),
    ("file", "code"),
    ("map", "code"),
]
TAGGED = [("a", "12345"), ("b", "1234"), ("stone", "5"), ("red", "6789"), ("blue", "6789")]
TASKS = (
    {"kind": "pairs", "instruction": "find the text"},
    {"kind": "classes", "instruction": "tell the kind"},
    {"kind": "tags", "instruction": "find the like"},
)
ROWS = [
    *({"query": q, "positive": p, SOURCE: 0} for q, p in PAIRS),
    *({"query": q, "label": c, SOURCE: 1} for q, c in CLASSES),
    *({"query": q, "tags": list(t), SOURCE: 2} for q, t in TAGGED),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return tiny_decoder(layers=2, pooling="last").save(tmp_path_factory.mktemp("nv") / "base")


def config(**keys: Any) -> NvEmbed.Config:
    shape = {"latents": 4, "heads": 2, "head_width": 8, "hard_negatives": 1}
    lengths = {"query_length": 48, "positive_length": 48}
    return NvEmbed.Config(**{"tasks": TASKS, **shape, **lengths, **keys})


@pytest.fixture
def start(base: Path, tmp_path: Path) -> Start:
    made = Start(base=base, seed=3)
    NvEmbed.prepare(config(), made, lambda: iter(ROWS), tmp_path)
    return replace(made, artifacts=tmp_path)


def batch_of(cfg: NvEmbed.Config, start: Start) -> dict[str, torch.Tensor]:
    """A blend of all tasks."""
    samples, sources = [0, 1, 2, 0, 1, 2, 3, 0], [0, 0, 0, 1, 1, 1, 1, 2]
    rows = pa.table({"query": [""] * 8, SAMPLE: samples, EPOCH: [0] * 8, SOURCE: sources})
    transform = NvEmbed.transform(cfg, start)
    return transform.collate(transform(rows))


def texts(batch: dict[str, torch.Tensor], side: str, start: Start) -> list[str]:
    return start.tokenizer.batch_decode(batch[f"{side}_ids"], skip_special_tokens=True)


# -- the data ----------------------------------------------------------------------------------------


def test_queries_and_both_sides_of_symmetric_tasks_have_instructions(start):
    batch = batch_of(config(), start)
    queries, candidates = texts(batch, "query", start), texts(batch, "candidate", start)
    assert queries[0] == "instruct find the text query red bird"
    assert candidates[:2] in (
        ["the bird is red", "a river is old"],
        ["the bird is red", "sort the list"],
    )
    assert queries[3] == "instruct tell the kind query cat"
    assert candidates[6] == "instruct tell the kind query dog", "another example of its class"
    assert candidates[7].removeprefix("instruct tell the kind query ") in {"sun", "moon", "file", "map"}
    assert queries[7].startswith("instruct find the like query ")
    assert {queries[7][-1], candidates[14][-1]} == {"a", "b"}, "4 of 5 tags in common: both directions"


def test_a_teacher_finds_the_negatives(base, tmp_path):
    teacher = tiny_embedder(tmp_path / "teacher", layers=1)
    cfg = config(teacher=str(teacher), tasks=TASKS[:1], margin=1.0)
    made = Start(base=base, seed=3, artifacts=tmp_path)
    NvEmbed.prepare(cfg, made, lambda: iter(ROWS[:3]), tmp_path)
    transform = NvEmbed.transform(cfg, made)
    rows = pa.table({"query": [""], SAMPLE: [0], EPOCH: [0]})
    batch = transform.collate(transform(rows))
    query, positive, *others = Embedder.load(teacher).encode([PAIRS[0][0], *(p for _, p in PAIRS)])
    scores = [float(query @ other) for other in others]
    allowed = [s for s in scores if s < float(query @ positive)]
    expected = scores.index(max(allowed)) if allowed else scores.index(min(scores))
    assert texts(batch, "candidate", made)[1] == PAIRS[1 + expected][1]


@pytest.mark.parametrize("count", [2, 4])
def test_tasks_are_as_many_as_corpora(base, tmp_path, count):
    cfg = config(tasks=(*TASKS, TASKS[0])[:count])
    with pytest.raises(InputError, match=f"{count} tasks"):
        NvEmbed.prepare(cfg, Start(base=base), lambda: iter(ROWS), tmp_path)


def test_an_instruction_that_fills_the_text_is_refused(base):
    with pytest.raises(InputError, match="leaves none"):
        NvEmbed.transform(config(query_length=8), Start(base=base))


def test_stage_2_without_negatives_is_refused():
    with pytest.raises(ValueError, match="hard_negatives"):
        config(in_batch=False, hard_negatives=0)


# -- the loss ----------------------------------------------------------------------------------------


def two(queries, candidates):
    return {"query": torch.tensor(queries), "candidate": torch.tensor(candidates)}


def test_stage_1_by_hand_is_infonce_without_negatives_of_its_own(base):
    objective = NvEmbed(config(temperature=0.5, hard_negatives=0), Start(base=base))
    # Cosines [[1, 0], [.6, .8]] / .5: the mean of log(1 + e^-2) and log(1 + e^(1.2 - 1.6)).
    vectors = two([[2.0, 0.0], [0.6, 0.8]], [[3.0, 0.0], [0.0, 1.0]])
    expected = (np.log1p(np.exp(-2)) + np.log1p(np.exp(-0.4))) / 2
    assert objective.compare(vectors, {})["loss"].item() == pytest.approx(expected, rel=1e-5)


def test_the_extra_set_of_stage_1_has_hard_negatives_of_others_and_stage_2_has_no_others(base):
    vectors = two([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.8, 0.6]])
    first = NvEmbed(config(temperature=1.0), Start(base=base)).compare(vectors, {})["loss"]
    second = NvEmbed(config(temperature=1.0, in_batch=False), Start(base=base)).compare(vectors, {})["loss"]
    # Both queries: own positive 1, own negative .6; others' positive 0 and negative .8.
    assert first.item() == pytest.approx(np.log(np.exp([1, 0.6, 0, 0.8]).sum()) - 1, rel=1e-5)
    assert second.item() == pytest.approx(np.log1p(np.exp(-0.4)), rel=1e-5)


def test_a_query_of_stage_2_learns_from_its_own_texts_alone(start):
    cfg = config(in_batch=False)
    objective, batch = NvEmbed(cfg, start), batch_of(cfg, start)
    vectors = {name: value.detach().requires_grad_() for name, value in objective.represent(batch).items()}
    scores = F.cosine_similarity(vectors["query"][:1], vectors["candidate"][:2]) / cfg.temperature
    F.cross_entropy(scores[None], torch.tensor([0])).div(8).backward()
    alone = vectors["candidate"].grad[:2].clone()
    vectors["candidate"].grad = None
    objective.compare(vectors, batch)["loss"].backward()
    torch.testing.assert_close(vectors["candidate"].grad[:2], alone)


# -- the model ---------------------------------------------------------------------------------------


def test_every_part_learns_and_one_batch_is_learned(start):
    for in_batch in (True, False):
        cfg = config(in_batch=in_batch)
        objective, batch = NvEmbed(cfg, start), batch_of(cfg, start)
        optimizer = torch.optim.Adam(objective.parameters(), lr=3e-3)
        history = []
        for _ in range(40):
            loss = objective(batch)["loss"]
            optimizer.zero_grad()
            loss.backward()
            if not history:
                still = [n for n, p in objective.named_parameters() if p.grad is None or not p.grad.any()]
                assert not still
            optimizer.step()
            history.append(loss.item())
        assert history[-1] < 0.2 * history[0]


def test_the_same_seed_gives_the_same(start):
    losses = [NvEmbed(config(), start)(batch_of(config(), start))["loss"].item() for _ in range(2)]
    assert losses[0] == losses[1]
    other = NvEmbed(config(), replace(start, seed=4))
    assert other(batch_of(config(), start))["loss"].item() != losses[0]


def test_instructions_matter_and_are_not_pooled(start):
    embedder = NvEmbed(config(), start).embedder()
    batch = batch_of(config(), start)
    ids, mask = batch["query_ids"], batch["query_mask"]
    pooled = embedder.pool_mask(ids, mask)
    kept = [row[m.bool()] for row, m in zip(ids, pooled, strict=True)]
    assert start.tokenizer.batch_decode(kept)[0] == "red bird [SEP]", "the end stays in the pool"
    one, other = (embedder.encode(["cat"], prompt=TEMPLATE.prompt(x)) for x in ("find", "sort"))
    assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize("pooling", ["latent", "mean", "last"])
@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
def test_what_is_trained_is_what_is_saved_and_served(start, tmp_path, pooling, attention):
    objective = NvEmbed(config(pooling=pooling, attention=attention), start).eval()
    batch = batch_of(config(), start)
    trained = F.normalize(objective.represent(batch)["query"], dim=-1)
    opened = Embedder.load(objective.embedder().save(tmp_path / "out"))
    assert attention_kind(opened.encoder) == attention
    assert opened.settings.pooling == pooling
    prompt = opened.settings.prompts["query"]
    assert prompt == "Instruct: find the text\nQuery: "
    queries = [query for query, _ in PAIRS]
    torch.testing.assert_close(opened.encode(queries, prompt=prompt), trained[:3], atol=1e-5, rtol=0)
    served = Engine(opened, precision="fp32").encode(queries, prompt=prompt)
    np.testing.assert_allclose(served, trained[:3].detach().numpy(), atol=1e-5)


def test_stage_2_goes_on_with_the_pooler_of_stage_1(start, tmp_path):
    first = NvEmbed(config(), start).embedder()
    with torch.no_grad():
        first.pooler.latents_RD += 1
    after = replace(start, base=first.save(tmp_path / "first"), seed=9)
    second = NvEmbed(config(in_batch=False), after).embedder()
    assert torch.equal(second.pooler.latents_RD, first.pooler.latents_RD)
    other = NvEmbed(config(latents=5), after).embedder()
    assert other.pooler.config.latents == 5
    assert NvEmbed(config(pooling="mean"), after).embedder().pooler is None


def test_sizes_that_the_base_was_trained_at_are_not_those_of_what_it_becomes(start, tmp_path):
    nested = tiny_decoder(layers=2, pooling="last", pairs=((1, 16), (2, 32))).save(tmp_path / "nested")
    assert NvEmbed(config(), replace(start, base=nested)).embedder().settings.pairs == ()


def test_an_encoder_is_no_base(tmp_path):
    with pytest.raises(InputError, match="'bert'"):
        NvEmbed(config(), Start(base=tiny_embedder(tmp_path / "bert", layers=1)))


# -- pre-training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_a_decoder_from_nothing_learns_a_batch(tmp_path, architecture):
    keys = {"layers": 2, "width": 32, "heads": 2, "vocab_size": 300, "max_length": 32}
    cfg = NvEmbedPretrain.Config(architecture=architecture, **keys)
    start, lines = Start(seed=2, artifacts=tmp_path / "made"), [text for pair in PAIRS for text in pair]
    NvEmbedPretrain.prepare(cfg, Start(), lambda: ({"text": text} for text in lines), tmp_path / "made")
    transform = NvEmbedPretrain.transform(cfg, start)
    batch = transform.collate(transform(pa.table({"text": lines})))
    objective = NvEmbedPretrain(cfg, start)
    optimizer = torch.optim.Adam(objective.parameters(), lr=1e-2)
    history = []
    for _ in range(60):
        loss = objective(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    # A uniform guess among 300 tokens costs log(300) = 5.7.
    assert history[0] == pytest.approx(5.7, abs=0.4)
    assert history[-1] < 0.3 * history[0]
    opened = Embedder.load(objective.embedder().save(tmp_path / "lm"))
    assert attention_kind(opened.encoder) == "causal"
    assert opened.settings.pooling == "last"
    again = NvEmbedPretrain(cfg, Start(base=tmp_path / "lm"))
    assert again(batch)["loss"].item() == pytest.approx(objective.eval()(batch)["loss"].item(), rel=1e-5)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="divisible"):
        NvEmbedPretrain.Config(width=33, heads=2)


def test_the_catalogue_knows_both():
    assert find_objective("nv-embed") is NvEmbed
    assert find_objective("nv-embed/pretrain") is NvEmbedPretrain
