"""The checks of retrieval-pretraining (arXiv 2002.03932), on tiny towers and a few pages.

Those of the tasks are in ``tests/transforms/test_linked_pages.py``, those of the loss in
``tests/losses/test_sampled_softmax.py``.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
import torch

from embedworks.catalog import find_objective
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.jobs.claims.load import load_claim
from embedworks.losses.sampled_softmax import sampled_softmax_loss
from embedworks.objective import Objective, Start
from embedworks.systems.text_embedding.retrieval_pretraining import (
    PageMlm,
    RetrievalFinetuning,
    RetrievalPretraining,
    untie,
)
from helpers.asgi import post, tiny_api
from helpers.tiny import tiny_embedder

SIZES = {"layers": 1, "width": 16, "heads": 2, "vocab_size": 400, "max_length": 112}
LENGTHS = {"query_length": 32, "document_length": 96, "dimensions": 8}
COLOURS = ("red", "green", "blue", "old", "new")


def pages() -> list[dict]:
    return [
        {
            "id": colour,
            "title": colour,
            "text": colour,
            "sections": [
                f"The {colour} fish swim. A {colour} bird sing.",
                f"One {colour} sun. Two {colour} moon.",
            ],
            "links": [COLOURS[number - 1]],
        }
        for number, colour in enumerate(COLOURS)
    ]


def questions() -> list[dict]:
    return [{"query": f"where is {c}", "positive": f"{c} [SEP] the {c} river"} for c in COLOURS]


def prepared(cls: type[Objective], folder: Path, base: Path | None = None, seed: int = 0, **config):
    """An objective with its artifacts."""
    folder.mkdir()
    sizes = LENGTHS if base else SIZES | LENGTHS
    found = cls.Config(**{**sizes, **config})
    rows = questions if cls is RetrievalFinetuning else pages
    cls.prepare(found, Start(base=base, seed=seed), rows, folder)
    return cls(found, Start(base=base, artifacts=folder, seed=seed))


def batch_of(objective, size: int = 5, epoch: int = 0) -> dict[str, torch.Tensor]:
    transform = type(objective).transform(objective.config, objective.start)
    samples = list(range(size))
    rows = {"__epoch__": [epoch] * size, "__sample__": samples}
    if isinstance(objective, RetrievalFinetuning):
        rows |= {name: [row[name] for row in questions()[:size]] for name in ("query", "positive")}
    else:
        rows |= {"id": [""] * size}
    return transform.collate(transform(pa.table(rows)))


def saved(objective: Objective, folder: Path) -> Path:
    return objective.embedder().save(folder)


def train(objective, batch, steps: int, rate: float = 5e-3) -> list[float]:
    optimizer = torch.optim.AdamW([p for p in objective.parameters() if p.requires_grad], lr=rate)
    objective.eval()  # without dropout
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = objective(batch)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def test_three_objectives_answer_to_the_slug():
    assert find_objective("retrieval-pretraining") is RetrievalPretraining
    assert find_objective("retrieval-pretraining/mlm") is PageMlm
    assert find_objective("retrieval-pretraining/finetune") is RetrievalFinetuning


def test_defaults_are_the_papers():
    config = RetrievalPretraining.Config()
    assert (config.dimensions, config.layers, config.width) == (512, 12, 768)
    assert (config.query_length, config.document_length) == (64, 288)
    assert (config.tasks, config.title, config.keep_prob) == (("ict", "bfs", "wlp"), "all", 0)


@pytest.mark.parametrize("tower", ["transformer", "bag-of-words"])
def test_a_new_tower_gives_raw_vectors_of_k(tmp_path, tower):
    objective = prepared(RetrievalPretraining, tmp_path / "a", tower=tower)
    embedder = objective.embedder()
    assert embedder.dimensions == 8
    settings = embedder.settings
    assert (settings.pooling, settings.normalize, settings.similarity) == ("cls", False, "dot")
    vectors = objective.represent(batch_of(objective))
    assert vectors["query"].shape == vectors["document"].shape == (5, 8)
    assert not torch.allclose(vectors["query"].norm(dim=1), torch.ones(5))


def test_the_loss_is_the_inner_product_s_of_both_towers(tmp_path):
    objective = prepared(RetrievalPretraining, tmp_path / "a").eval()
    batch = batch_of(objective)
    q, d = (objective.embedder_(batch[f"{s}_ids"], batch[f"{s}_mask"]) for s in ("query", "document"))
    scores = q @ d.T - batch["log_q"]
    same = batch["document"][:, None] == batch["document"]
    scores = scores.masked_fill(same & ~torch.eye(5, dtype=torch.bool), float("-inf"))
    expected = torch.nn.functional.cross_entropy(scores, torch.arange(5))
    losses = objective(batch)
    losses = {name: loss.detach() for name, loss in losses.items()}
    expected = expected.detach()
    assert float(losses["loss"]) == pytest.approx(float(expected), rel=1e-5)
    by_task = [
        (losses[f"loss/{t}"], (batch["task"] == n).sum()) for n, t in enumerate(("ict", "bfs", "wlp"))
    ]
    assert float(sum(loss * count for loss, count in by_task) / 5) == pytest.approx(
        float(expected), rel=1e-5
    )


def test_a_bag_of_words_does_not_see_the_order_and_a_transformer_does(tmp_path):
    texts = ["the red fish", "fish red the"]
    for tower, alike in (("bag-of-words", True), ("transformer", False)):
        embedder = prepared(RetrievalPretraining, tmp_path / tower, tower=tower).embedder()
        first, second = embedder.encode(texts)
        assert torch.allclose(first, second, atol=1e-5) == alike


def base_of(tmp_path: Path, options: dict) -> Path | None:
    """A base whose texts are apart from the beginning; new transformers of this size take long for it."""
    is_bag = options.get("tower") == "bag-of-words"
    return None if is_bag else tiny_embedder(tmp_path / "tiny", layers=1, width=32, max_length=112)


KINDS = pytest.mark.parametrize(
    ("options", "rate"),
    [({}, 2e-3), ({"tower": "bag-of-words"}, 2e-2), ({"tie_towers": False}, 2e-3)],
    ids=["tied", "bag", "untied"],
)


@KINDS
def test_one_batch_is_learned_by_heart_on_both_sides(tmp_path, options, rate):
    objective = prepared(RetrievalPretraining, tmp_path / "a", base_of(tmp_path, options), **options)
    losses = train(objective, batch_of(objective), 40, rate)
    assert losses[-1] < 0.1 * losses[0]
    assert all(p.grad is not None for p in objective.parameters() if p.requires_grad)


def test_untied_towers_learn_apart_and_queries_have_a_prompt(tmp_path):
    objective = prepared(RetrievalPretraining, tmp_path / "a", tie_towers=False)
    towers = objective.embedder_.encoder.towers
    before = [p.clone() for p in towers["document"].parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, towers["query"].parameters(), strict=True))
    batch = batch_of(objective)
    assert (batch["query_ids"][:, 1] == objective.embedder_.tokenizer.mask_token_id).all()
    train(objective, batch, 3)
    query, document = (towers[side].head.weight for side in ("query", "document"))
    assert not torch.allclose(query, document)
    embedder = objective.embedder()
    assert embedder.settings.prompts == {"query": "[MASK]"}
    text = "the red fish"
    expected = towers["query"](*embedder.tokenize([text], "[MASK]").values())
    loaded = Embedder.load(saved(objective, tmp_path / "out"))
    assert torch.allclose(loaded.encode([text], prompt="[MASK]"), expected, atol=1e-5)
    assert not torch.allclose(loaded.encode([text]), expected, atol=1e-3)


@pytest.mark.parametrize("options", [{}, {"pooling": "mean"}, {"tower": "bag-of-words"}], ids=str)
def test_untying_begins_with_two_copies(tmp_path, options):
    tied = prepared(RetrievalPretraining, tmp_path / "a", **options).embedder().eval()
    both = untie(tied).eval()
    ids, mask = tied.tokenize(["the red fish"]).values()
    with torch.no_grad():
        expected = tied(ids, mask)
        for side in ("query", "document"):
            assert torch.allclose(both.encoder.towers[side](ids, mask), expected, atol=1e-5)


def test_the_same_seed_gives_the_same_losses(tmp_path):
    first, second = (prepared(RetrievalPretraining, tmp_path / name, seed=4).eval() for name in "ab")
    assert float(first(batch_of(first))["loss"].detach()) == float(
        second(batch_of(second))["loss"].detach()
    )
    other = prepared(RetrievalPretraining, tmp_path / "c", seed=5).eval()
    assert float(other(batch_of(other))["loss"].detach()) != float(first(batch_of(first))["loss"].detach())


def test_mlm_learns_and_the_next_stage_goes_on_from_its_encoder(tmp_path):
    objective = prepared(PageMlm, tmp_path / "a")
    batch = batch_of(objective, 8)
    losses = train(objective, batch, 60, 1e-2)
    assert losses[-1] < 0.3 * losses[0]
    base = saved(objective, tmp_path / "base")
    tuned = prepared(RetrievalFinetuning, tmp_path / "b", base)
    for name, weight in objective.embedder_.named_parameters():
        assert torch.equal(weight, tuned.embedder_.get_parameter(name)), name
    untied = prepared(RetrievalFinetuning, tmp_path / "c", base, tie_towers=False)
    assert untied.embedder_.dimensions == 8


def test_mlm_and_pairs_start_alike(tmp_path):
    mlm = prepared(PageMlm, tmp_path / "a", seed=3).embedder_
    pairs = prepared(RetrievalPretraining, tmp_path / "b", seed=3).embedder_
    assert all(torch.equal(a, b) for a, b in zip(mlm.parameters(), pairs.parameters(), strict=True))


@KINDS
def test_fine_tuning_trains_queries_and_documents(tmp_path, options, rate):
    first = prepared(RetrievalPretraining, tmp_path / "a", base_of(tmp_path, options), **options)
    tied = {key: value for key, value in options.items() if key == "tie_towers"}
    objective = prepared(RetrievalFinetuning, tmp_path / "b", saved(first, tmp_path / "base"), **tied)
    batch = batch_of(objective)
    vectors = {key: value.detach().requires_grad_() for key, value in objective.represent(batch).items()}
    objective.compare(vectors, batch)["loss"].backward()
    assert all(vector.grad.abs().max() > 0 for vector in vectors.values())
    losses = train(objective, batch, 40, rate)
    assert losses[-1] < 0.1 * losses[0]
    texts = ["where is red", "the red river"]
    loaded = Embedder.load(saved(objective, tmp_path / "out"))
    assert torch.allclose(loaded.encode(texts), objective.embedder().encode(texts), atol=1e-5)
    assert loaded.settings == objective.embedder().settings


def test_a_model_made_otherwise_gets_a_new_linear_layer(tmp_path):
    base = tiny_embedder(tmp_path / "base", layers=2, max_length=112)
    objective = prepared(RetrievalPretraining, tmp_path / "a", base, dimensions=24)
    assert objective.embedder().dimensions == 24
    assert objective.embedder().settings.similarity == "dot"
    assert objective(batch_of(objective))["loss"].requires_grad


def test_negatives_are_those_of_the_whole_batch(tmp_path, monkeypatch):
    """Not of the worker alone: what is compared is what the gather gives."""
    calls = []
    module = "embedworks.losses.sampled_softmax.gather_rows"
    monkeypatch.setattr(module, lambda x: calls.append(x.shape) or x)
    objective = prepared(RetrievalPretraining, tmp_path / "a")
    objective(batch_of(objective))
    assert calls == [(5, 8), (5,), (5,)]
    q, d = torch.randn(2, 4, 8)
    sampled_softmax_loss(q, d, torch.arange(4), gather=False)
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("cls", "options", "match"),
    [
        (PageMlm, {"tower": "bag-of-words"}, "trains one transformer"),
        (PageMlm, {"tie_towers": False}, "trains one transformer"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, cls, options, match):
    with pytest.raises(InputError, match=match):
        prepared(cls, tmp_path / "a", **options)


def test_the_exported_towers_are_served_by_input_type(tmp_path):
    objective = prepared(RetrievalPretraining, tmp_path / "a", tie_towers=False)
    train(objective, batch_of(objective), 5)
    embedder = Embedder.load(saved(objective, tmp_path / "out"))
    api, _ = tiny_api(embedder)
    for kind, prompt in (("query", "[MASK]"), ("document", "")):
        status, body, _ = post(api, "embeddings", input="the red fish", input_type=kind)
        assert status == 200
        expected = embedder.encode(["the red fish"], prompt=prompt)[0]
        assert body["data"][0]["embedding"] == pytest.approx(expected.tolist(), abs=1e-4)


def test_the_claim_file_is_valid():
    claim = load_claim("retrieval-pretraining").claim
    assert {arm.role for arm in claim.arms.values()} == {"system", "baseline"}
