"""The checks of pooling and attention (arXiv 2409.02727), on tiny decoders and hand examples."""

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
from embedworks.evaluation.statistics.paired import wilcoxon_signed_rank
from embedworks.inference.engine import Engine
from embedworks.nn.attention import attention_kind
from embedworks.nn.latent_pooling import LatentPooler
from embedworks.nn.multi_layer_pooling import MultiLayerPooler
from embedworks.objective import Start
from embedworks.systems.text_embedding.pooling_attention import TEMPLATE, PoolingAttention
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE
from helpers.asgi import post, tiny_api
from helpers.tiny import tiny_decoder, tiny_embedder

DESIGNS = {  # the paper's numbers
    1: {"attention": "causal", "pooling": "eos"},
    2: {"attention": "causal", "pooling": "last-layer"},
    3: {"attention": "causal", "pooling": "multi-layer"},
    4: {"attention": "bidirectional", "pooling": "last-layer"},
    5: {"attention": "bidirectional", "pooling": "multi-layer"},
}
PAIRS = [
    ("red bird", "the bird is red"),
    ("old river", "a river is old"),
    ("sort numbers", "sort the list"),
    ("sun", "the moon and the sun rise over the old green river"),
]
WORDS = [("tree", "grow"), ("fish", "swim")]
ROWS = [
    *({"query": q, "positive": p, SOURCE: 0} for q, p in PAIRS),
    *({"query": q, "positive": p, SOURCE: 1} for q, p in WORDS),
    {"query": "cat", "positive": "", SOURCE: 1},
]
UNEVEN = ["sun", "red bird", "the moon and the sun rise over the old green river"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_decoder(layers=3, pooling="last").save(tmp_path_factory.mktemp("designs") / "base")


def config(design: int = 5, **keys: Any) -> PoolingAttention.Config:
    given: dict[str, Any] = {
        "instructions": ("find the text", "tell what it does"),
        "latents": 4,
        "heads": 2,
        "head_width": 8,
        "query_length": 32,
        "positive_length": 32,
    }
    return PoolingAttention.Config(**{**given, **DESIGNS[design], **keys})


@pytest.fixture
def start(base: Path, tmp_path: Path) -> Start:
    made = Start(base=base, seed=3)
    PoolingAttention.prepare(config(), made, lambda: iter(ROWS), tmp_path)
    return replace(made, artifacts=tmp_path)


def batch_of(start: Start, **keys: Any) -> dict[str, torch.Tensor]:
    rows = pa.table({"query": [""] * 5, SAMPLE: [0, 1, 2, 0, 1], EPOCH: [0] * 5, SOURCE: [0, 0, 0, 1, 1]})
    transform = PoolingAttention.transform(config(**keys), start)
    return transform.collate(transform(rows))


def texts(batch: dict[str, torch.Tensor], side: str, start: Start) -> list[str]:
    return start.tokenizer.batch_decode(batch[f"{side}_ids"], skip_special_tokens=True)


# -- the data ----------------------------------------------------------------------------------------


def test_queries_have_instructions_and_candidates_have_not(start):
    batch = batch_of(start)
    queries, candidates = texts(batch, "query", start), texts(batch, "candidate", start)
    assert queries[0] == "instruct find the text query red bird"
    assert queries[3] == "instruct tell what it does query tree"
    assert candidates[::2] == [*(p for _, p in PAIRS[:3]), "grow", "swim"]
    wrong = {p for _, p in PAIRS}
    assert all(candidates[2 * i + 1] in wrong - {PAIRS[i][1]} for i in range(3))
    assert candidates[7] == "swim", "the only other word of its corpus: a row without a positive is none"


def test_a_teacher_finds_the_negatives(base, tmp_path):
    teacher = tiny_embedder(tmp_path / "teacher", layers=1)
    cfg = config(teacher=str(teacher), instructions=("find the text",), margin=1.0)
    made = Start(base=base, seed=3, artifacts=tmp_path)
    PoolingAttention.prepare(cfg, made, lambda: iter(ROWS[:4]), tmp_path)
    transform = PoolingAttention.transform(cfg, made)
    batch = transform.collate(transform(pa.table({"query": [""], SAMPLE: [0], EPOCH: [0]})))
    query, positive, *others = Embedder.load(teacher).encode([PAIRS[0][0], *(p for _, p in PAIRS)])
    scores = [float(query @ other) for other in others]
    allowed = [score for score in scores if score < float(query @ positive)]
    expected = scores.index(max(allowed)) if allowed else scores.index(min(scores))
    assert texts(batch, "candidate", made)[1] == PAIRS[1 + expected][1]


def test_every_text_ends_with_the_end_token_even_if_it_is_cut(start):
    batch = batch_of(start, query_length=31, positive_length=4)
    for side in ("query", "candidate"):
        ids, mask = batch[f"{side}_ids"], batch[f"{side}_mask"]
        last = ids.gather(1, mask.sum(1, keepdim=True) - 1)
        assert (last == start.tokenizer.sep_token_id).all()


def test_what_does_not_fit_is_refused(base, tmp_path):
    made = Start(base=base, artifacts=tmp_path)
    with pytest.raises(InputError, match="has 1 instructions, and there are more corpora"):
        PoolingAttention.prepare(config(instructions=("x",)), made, lambda: iter(ROWS), tmp_path)
    with pytest.raises(InputError, match="leaves none for texts"):
        PoolingAttention.transform(config(query_length=8), made)
    with pytest.raises(InputError, match="positive_length=65 is longer than the 64 tokens"):
        PoolingAttention.transform(config(positive_length=65), made)
    with pytest.raises(InputError, match="'bert'"):
        PoolingAttention(config(), Start(base=tiny_embedder(tmp_path / "bert", layers=1)))


# -- the loss ----------------------------------------------------------------------------------------


def at_cosines(*cosines: float) -> torch.Tensor:
    """Vectors of various lengths that have these cosines with (1, 0)."""
    return torch.tensor([[2 * c, 2 * (1 - c * c) ** 0.5] for c in cosines])


def test_one_pair_with_one_negative_by_hand(base):
    # log(1 + exp(20 (.5 - .8))) = log(1 + e^-6) = .00248
    objective = PoolingAttention(config(), Start(base=base))
    vectors = {"query": torch.tensor([[3.0, 0.0]]), "candidate": at_cosines(0.8, 0.5)}
    assert objective.compare(vectors, {})["loss"].item() == pytest.approx(0.0024756851, abs=1e-7)


def test_the_loss_is_that_of_the_authors(base):
    """``HardNegativeNLLLoss`` of yixuantt/PoolingAndAttn (loss/), scale 20: first all positives, then all
    hard negatives. Here a query's own stand together, which changes the columns' order and no loss.

    Query (1, 0): positive .8, negative .5, of the other 0 and .6. Query (0, 1): positive 1, negative .8,
    of the other sqrt(1 - .64) = .6 and sqrt(1 - .25) = .8660254. In units of 20:
    log(1 + e^-6 + e^-16 + e^-4) = 0.0205812; log(1 + e^-4 + e^-8 + e^-2.679492) = 0.0836507.
    """
    objective = PoolingAttention(config(), Start(base=base))
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    candidates = torch.cat([at_cosines(0.8, 0.5), at_cosines(0.0, 0.6)])
    found = objective.compare({"query": queries, "candidate": candidates}, {})["loss"].item()
    first = np.log1p(np.exp(-6) + np.exp(-16) + np.exp(-4))
    second = np.log1p(np.exp(-4) + np.exp(-8) + np.exp(20 * (0.75**0.5 - 1)))
    assert found == pytest.approx((first + second) / 2, rel=1e-5)
    order = torch.tensor([0, 2, 1, 3])  # as the authors have the columns
    scores = 20 * F.cosine_similarity(queries[:, None], candidates[order][None], dim=-1)
    assert found == pytest.approx(F.cross_entropy(scores, torch.arange(2)).item(), rel=1e-5)


# -- the designs -------------------------------------------------------------------------------------


def test_each_design_has_its_attention_and_pooler(base):
    kinds = {1: None, 2: (LatentPooler, "last"), 4: (LatentPooler, "all")}
    kinds |= {3: (MultiLayerPooler, "last"), 5: (MultiLayerPooler, "mean")}
    for design, expected in kinds.items():
        embedder = PoolingAttention(config(design), Start(base=base)).embedder()
        assert attention_kind(embedder.encoder) == DESIGNS[design]["attention"]
        pooler = embedder.pooler
        assert (pooler and (type(pooler), pooler.config.tokens)) == expected
        assert embedder.settings.prompts == {"query": TEMPLATE.prompt("find the text")}
    assert PoolingAttention(config(pooling="mean"), Start(base=base)).embedder().settings.pooling == "mean"


@pytest.mark.parametrize("design", DESIGNS)
def test_padding_changes_no_vector(base, design):
    embedder = PoolingAttention(config(design), Start(base=base, seed=1)).embedder()
    together = embedder.encode(UNEVEN, prompt=embedder.settings.prompts["query"])
    alone = [embedder.encode([text], prompt=embedder.settings.prompts["query"]) for text in UNEVEN]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("design", "sees"), [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1)])
def test_what_a_design_sees_of_a_later_token(base, design, sees):
    """The vector of a text's first layer: causal states do not know what follows them."""
    embedder = PoolingAttention(config(design), Start(base=base)).embedder()
    tokens = embedder.tokenize(["red bird", "red fish"])
    states = embedder.layer_states(**tokens)
    first = [one[:, 1] for one in states[:2]]  # the token `red`
    assert int(any((one[0] - one[1]).abs().max() > 1e-4 for one in first)) == sees


def test_the_instruction_is_pooled_and_matters(base):
    embedder = PoolingAttention(config(), Start(base=base)).embedder()
    tokens = embedder.tokenize(["cat"], TEMPLATE.prompt("find"))
    assert embedder.pool_mask(**tokens).equal(tokens["attention_mask"])
    one, other = (embedder.encode(["cat"], prompt=TEMPLATE.prompt(x)) for x in ("find", "sort"))
    assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize("design", [3, 5])
def test_each_layer_reaches_the_vector_by_the_pooler_itself(base, design):
    embedder = PoolingAttention(config(design), Start(base=base)).embedder()
    tokens = embedder.tokenize(UNEVEN)
    states = tuple(one.detach().requires_grad_() for one in embedder.layer_states(**tokens))
    embedder.pool(states, tokens["attention_mask"])[:, 0].sum().backward()
    for one in states:
        assert one.grad is not None
        assert one.grad.abs().sum() > 0
        assert not one.grad[tokens["attention_mask"] == 0].any()


@pytest.mark.parametrize("design", DESIGNS)
def test_every_part_learns_and_one_batch_is_learned(start, design):
    # Without hard negatives: a positive that is one of another query too is ranked against itself.
    objective = PoolingAttention(config(design, hard_negatives=0), start)
    batch = batch_of(start, hard_negatives=0)
    optimizer = torch.optim.Adam(objective.parameters(), lr=5e-3)
    history = []
    for _ in range(30):
        loss = objective(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        if not history:
            grads = {name: weight.grad for name, weight in objective.named_parameters()}
            still = {name for name, grad in grads.items() if grad is None or grad.abs().max() < 1e-7}
            # Model 2: softmax over one key is 1, so that nothing asks for it.
            expected = ("query.weight", "key.weight", "query_norm.weight", "query_norm.bias")
            assert still == ({f"embedder_.pooler.{name}" for name in expected} if design == 2 else set())
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.2 * history[0]


def test_the_same_seed_gives_the_same(start):
    losses = [PoolingAttention(config(), start)(batch_of(start))["loss"].item() for _ in range(2)]
    assert losses[0] == losses[1]
    other = PoolingAttention(config(), replace(start, seed=4))
    assert other(batch_of(start))["loss"].item() != losses[0]


def test_the_vectors_of_a_chunk_are_those_of_the_batch(start):
    objective, batch = PoolingAttention(config(), start), batch_of(start)
    whole = objective.represent(batch)
    for side, group in (("query", 1), ("candidate", 2)):
        part = {key: value[: 2 * group] for key, value in batch.items() if key.startswith(side)}
        found = objective.represent({**batch, **part})
        torch.testing.assert_close(found[side], whole[side][: 2 * group], atol=1e-5, rtol=0)


# -- saved and served --------------------------------------------------------------------------------


@pytest.mark.parametrize("design", DESIGNS)
def test_what_is_trained_is_what_is_saved_and_served(start, tmp_path, design):
    objective = PoolingAttention(config(design), start).eval()
    trained = F.normalize(objective.represent(batch_of(start))["query"], dim=-1)[:3].detach()
    opened = Embedder.load(objective.embedder().save(tmp_path / "out"))
    assert opened.settings == objective.embedder().settings
    prompt = opened.settings.prompts["query"]
    queries = [query for query, _ in PAIRS[:3]]
    torch.testing.assert_close(opened.encode(queries, prompt=prompt), trained, atol=1e-5, rtol=0)
    served = Engine(opened, precision="fp32").encode(queries, prompt=prompt)
    np.testing.assert_allclose(served, trained.numpy(), atol=1e-5)
    api, _ = tiny_api(opened)
    status, answer, _ = post(api, "embeddings", input=queries, prompt_name="query")
    assert status == 200
    given = torch.tensor([row["embedding"] for row in answer["data"]])
    torch.testing.assert_close(given, trained, atol=1e-4, rtol=0)


def test_a_later_stage_goes_on_with_the_pooler(start, tmp_path):
    first = PoolingAttention(config(), start).embedder()
    with torch.no_grad():
        first.pooler.layers_LD += 1
    after = replace(start, base=first.save(tmp_path / "first"), seed=9)
    assert PoolingAttention(config(), after).embedder().pooler.layers_LD.equal(first.pooler.layers_LD)
    assert PoolingAttention(config(latents=5), after).embedder().pooler.config.latents == 5
    assert isinstance(PoolingAttention(config(4), after).embedder().pooler, LatentPooler)
    assert PoolingAttention(config(1), after).embedder().pooler is None


# -- the test of the paper ---------------------------------------------------------------------------


def test_five_tasks_are_never_significant_and_six_may_be():
    assert wilcoxon_signed_rank([0.1, 0.2, 0.3, 0.4, 0.5]) == 0.0625
    assert wilcoxon_signed_rank([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) == 0.03125


def test_the_catalogue_knows_it():
    assert find_objective("pooling-attention") is PoolingAttention
