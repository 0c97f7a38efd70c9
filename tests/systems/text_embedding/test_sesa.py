"""The checks of SESA (arXiv 1708.03246), on a few items of two kinds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional as F

from embedworks.catalog import find_objective
from embedworks.concepts.score import ScoreRequest, answer
from embedworks.corpora.builtin.emoji_concepts import Options, rows
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.jobs.claims.load import load_claim
from embedworks.losses.multi_label import multi_label_loss
from embedworks.nn.sparsity import Sparsity
from embedworks.objective import Start
from embedworks.serving.tasks import find_tasks
from embedworks.systems.text_embedding.sesa import (
    Sesa,
    SesaPretrain,
    choose_concepts,
)
from embedworks.task import Answer
from helpers.asgi import call, post, tiny_api

COLOURS = ("red", "green", "blue")
THINGS = ("bird", "fish", "stone")


def items(shuffled: bool = False) -> list[dict[str, Any]]:
    """Nine items of a colour and a kind of thing, which are both concepts."""
    made = [
        {
            "query": f"a {colour} {thing}",
            "profiles": [f"{thing[::-1]} {colour[::-1]}", f"{colour[::-1]} the {thing[::-1]}"],
            "concepts": [colour, thing],
            "listed": [colour, thing] if number % 4 else [colour],
        }
        for number, (colour, thing) in enumerate((c, t) for c in COLOURS for t in THINGS)
    ]
    if shuffled:
        lists = [item["listed"] for item in made]
        made = [item | {"listed": own} for item, own in zip(made, lists[4:] + lists[:4], strict=True)]
    return made


SMALL = {"min_items": 1, "embedding_width": 16, "width": 16, "vocab_size": 200, "query_length": 16}
SMALL |= {"profile_length": 16, "max_length": 16, "threshold": 0.0, "top": None}


def prepared(
    folder: Path, cls: type[Sesa] = Sesa, made: list[dict[str, Any]] | None = None, **config: Any
) -> Any:
    folder.mkdir()
    found, start = Sesa.Config(**{**SMALL, **config}), Start(artifacts=folder, seed=3)
    cls.prepare(found, Start(seed=3), lambda: iter(made or items()), folder)
    return cls(found, start)


def batch_of(objective: Sesa, size: int = 9, epoch: int = 0) -> dict[str, torch.Tensor]:
    transform = type(objective).transform(objective.config, objective.start)
    samples = {"query": [""] * size, "__epoch__": [epoch] * size, "__sample__": list(range(size))}
    return transform.collate(transform(pa.table(samples)))


def test_it_is_found_by_its_slug():
    assert find_objective("sesa") is Sesa
    assert find_objective("sesa/pretrain") is SesaPretrain


# -- the sheet's checks -------------------------------------------------------------------------------


def test_contributions_of_all_concepts_sum_to_the_cosine(tmp_path):
    objective = prepared(tmp_path / "a")
    embedder = objective.embedder()
    answers = [
        Answer(embedder.encode(texts, prompt=embedder.settings.prompts[kind]).numpy(), 1, **told(embedder))
        for kind, texts in (("query", ["a red bird"]), ("document", ["drib der", "enots eulb"]))
    ]
    found = answer(ScoreRequest(model="m", a="x", b=["y", "z"], top=99), answers).data
    for one, b in zip(found, answers[1].vectors, strict=True):
        cosine = float(F.cosine_similarity(torch.tensor(answers[0].vectors[0]), torch.tensor(b), dim=0))
        assert one.similarity == pytest.approx(cosine, abs=1e-6)
        assert sum(part.contribution for part in one.explanation) == pytest.approx(cosine, abs=1e-6)


def told(embedder: Embedder) -> dict[str, Any]:
    settings = embedder.settings
    return {"names": settings.dimension_names, "calibration": settings.calibration}


def test_without_lambda_the_lists_are_never_read(tmp_path):
    losses = []
    for name, shuffled in (("a", False), ("b", True)):
        objective = prepared(tmp_path / name, made=items(shuffled), concept_weight=0)
        optimizer = torch.optim.Adam(objective.parameters(), lr=1e-2)
        for epoch in range(3):
            found = objective(batch_of(objective, epoch=epoch))
            assert "concepts" not in found
            optimizer.zero_grad()
            found["loss"].backward()
            optimizer.step()
            losses.append(float(found["loss"].detach()))
    assert losses[:3] == losses[3:]
    with_lists = [
        float(prepared_loss(tmp_path / name, items(shuffled)))
        for name, shuffled in (("c", False), ("d", True))
    ]
    assert with_lists[0] != with_lists[1]


def prepared_loss(folder: Path, made: list[dict[str, Any]]) -> torch.Tensor:
    objective = prepared(folder, made=made)
    return objective(batch_of(objective))["loss"].detach()


def test_an_item_without_a_list_changes_the_concept_loss_by_nothing(tmp_path):
    objective = prepared(tmp_path / "a")
    batch = batch_of(objective)
    logits = {side: objective.logits(batch, side) for side in ("query", "candidate")}
    batch["query_known"][4] = False
    before = float(objective.concept_loss(logits, batch).detach())
    batch["query_labels"][4] = 1 - batch["query_labels"][4]
    logits["query"] = logits["query"].detach().clone()
    logits["query"][4] = 50
    assert float(objective.concept_loss(logits, batch).detach()) == before


def test_concepts_may_stand_in_any_order(tmp_path):
    objective = prepared(tmp_path / "a")
    batch = batch_of(objective)
    before = {name: float(loss.detach()) for name, loss in objective(batch).items()}
    order = torch.randperm(len(objective.names), generator=torch.Generator().manual_seed(0))
    layer = objective.embedder_.projection
    with torch.no_grad():
        layer.weight.copy_(layer.weight[order])
        layer.bias.copy_(layer.bias[order])
    for side in ("query", "candidate"):
        batch[f"{side}_labels"] = batch[f"{side}_labels"][:, order]
    after = {name: float(loss.detach()) for name, loss in objective(batch).items()}
    assert after == pytest.approx(before, rel=1e-5, abs=1e-6)


def test_without_negatives_presence_everywhere_is_optimal(tmp_path):
    objective = prepared(tmp_path / "a", negative_weight=0)
    batch = batch_of(objective)
    everything = {"query": torch.full((9, 6), 30.0), "candidate": torch.full((18, 6), 30.0)}
    assert float(objective.concept_loss(everything, batch)) < 1e-9
    usual = prepared(tmp_path / "b")
    assert float(usual.concept_loss(everything, batch)) > 10


def test_names_of_test_emoji_never_occur_in_training(tmp_path):
    splits = {split: list(found)[:60] for split, found in rows(Options()).items()}
    prepared(tmp_path / "a", made=splits["train"])
    written = (tmp_path / "a/items.parquet").read_bytes()
    table = pa.parquet.read_table(pa.BufferReader(written)).to_pylist()
    emoji = {row["emoji"] for row in splits["train"]}
    assert [row["query"] for row in table] == [row["query"] for row in splits["train"]]
    assert not emoji & {row["emoji"] for row in splits["test"]}


# -- the objective ------------------------------------------------------------------------------------


def test_the_loss_by_hand(tmp_path):
    objective = prepared(tmp_path / "a", alpha=5.0, beta=-2.0, concept_weight=0.5)
    batch = batch_of(objective)
    q, c = (torch.sigmoid(objective.logits(batch, side)).detach() for side in ("query", "candidate"))
    right, wrong = (F.cosine_similarity(q, c[first::2]) for first in (0, 1))
    relevance = (F.softplus(-(5 * right - 2)) + F.softplus(5 * wrong - 2)).mean() / 2
    concepts = multi_label_loss(
        torch.cat([torch.logit(q), torch.logit(c)]),
        torch.cat([batch["query_labels"], batch["candidate_labels"]]),
        torch.cat([batch["query_known"], batch["candidate_known"]]),
        positive_weight=10,
        negative_weight=0.3,
    )
    found = {name: float(loss.detach()) for name, loss in objective(batch).items()}
    assert found["relevance"] == pytest.approx(float(relevance), rel=1e-5)
    assert found["concepts"] == pytest.approx(float(concepts), rel=1e-4)
    assert found["loss"] == pytest.approx(float(relevance + 0.5 * concepts), rel=1e-4)
    assert found["margin"] == pytest.approx(float((right - wrong).mean()), abs=1e-6)


def test_pairs_may_be_ranked(tmp_path):
    objective = prepared(tmp_path / "a", rank="pairwise", alpha=4.0)
    similar = torch.tensor([[0.9, 0.4], [0.2, 0.3]])
    expected = (np.log1p(np.exp(-4 * 0.5)) + np.log1p(np.exp(4 * 0.1))) / 2
    assert float(objective.relevance_loss(similar).detach()) == pytest.approx(expected, rel=1e-5)


def test_weights_begin_as_a_plain_product_and_are_served_as_one(tmp_path):
    plain, weighted = (prepared(tmp_path / sim, sim=sim) for sim in ("dot", "weighted"))
    a, b = torch.rand(2, 6), torch.rand(4, 6)
    assert torch.allclose(plain.similarities(a, b), weighted.similarities(a, b), atol=1e-6)
    with torch.no_grad():
        weighted.weights_K.copy_(torch.linspace(-2, 2, 6))
    batch = batch_of(weighted)
    s = [torch.sigmoid(weighted.logits(batch, side)) for side in ("query", "candidate")]
    expected = weighted.similarities(*s)[0].detach()
    embedder = Embedder.load(weighted.embedder().save(tmp_path / "m"))
    vectors = [
        embedder.pool(embedder.layer_states(batch[f"{side}_ids"], mask)[-1], mask)
        for side in ("query", "candidate")
        for mask in (batch[f"{side}_mask"],)
    ]
    assert embedder.settings.similarity == "dot"
    assert torch.allclose(vectors[0][0] @ vectors[1][:2].T, expected, atol=1e-5)
    # Going on with it begins with its weights.
    again = Sesa(weighted.config, Start(base=tmp_path / "m", artifacts=tmp_path / "weighted"))
    assert torch.allclose(again.weights_K, weighted.weights_K, atol=1e-5)
    assert again.embedder_.projection.scale is None


def test_both_sides_learn_through_the_presences_and_nothing_is_frozen(tmp_path):
    objective = prepared(tmp_path / "a", concept_weight=0)
    objective(batch_of(objective))["loss"].backward()
    for name, parameter in objective.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
    first, second = objective.embedder_.encoder.layers[0].towers
    assert not torch.equal(first.weight_hh_l0.grad, second.weight_hh_l0.grad)


def test_kinds_have_towers_of_their_own_unless_they_share(tmp_path):
    own, shared = prepared(tmp_path / "a"), prepared(tmp_path / "b", share=True)
    prompts = own.embedder().settings.prompts
    assert set(prompts) == {"query", "document"}
    one, other = (own.embedder().encode(["a red bird"], prompt=prompts[kind]) for kind in sorted(prompts))
    assert not torch.allclose(one, other)
    ids = own.embedder_.tokenize(["a red bird"], prompts["document"])["input_ids"]
    assert own.embedder_.encoder.towers_of(ids).tolist() == [1]
    assert shared.embedder().settings.prompts == {}
    assert len(shared.embedder_.encoder.layers[0].towers) == 1


def test_a_latent_layer_is_the_same_network_without_concepts(tmp_path):
    latent = prepared(tmp_path / "a", layer="latent", concept_weight=0)
    explicit = prepared(tmp_path / "b")
    shapes = [{n: p.shape for n, p in each.named_parameters()} for each in (latent, explicit)]
    assert shapes[0] == shapes[1]
    embedder = latent.embedder()
    assert embedder.settings.dimension_names == ()
    assert embedder.settings.sparsity is None
    assert embedder.encode(["a red bird"]).min() < 0
    for wrong in ({"layer": "latent"}, {"layer": "latent", "concept_weight": 0, "sim": "weighted"}):
        with pytest.raises(ValueError, match="latent"):
            Sesa.Config(**wrong)
    with pytest.raises(InputError, match="latent"):
        SesaPretrain(latent.config, latent.start)


def test_the_last_state_wants_one_direction(tmp_path):
    with pytest.raises(ValueError, match="bidirectional"):
        Sesa.Config(pool="last")
    objective = prepared(tmp_path / "a", pool="last", bidirectional=False)
    assert torch.isfinite(objective(batch_of(objective))["loss"])


def test_pretraining_is_the_concept_loss_and_is_gone_on_with(tmp_path):
    first = prepared(tmp_path / "a", SesaPretrain)
    batch = batch_of(first)
    (loss,) = first(batch).values()
    logits = {side: first.logits(batch, side) for side in ("query", "candidate")}
    assert float(loss.detach()) == float(first.concept_loss(logits, batch).detach())
    loss.backward()
    assert all((p.grad is not None) == p.requires_grad for p in first.parameters())
    base = first.embedder().save(tmp_path / "base")

    folder = tmp_path / "b"
    folder.mkdir()
    Sesa.prepare(first.config, Start(base=base), lambda: iter(items()[::-1]), folder)
    second = Sesa(first.config, Start(base=base, artifacts=folder, seed=9))
    assert second.names == first.names
    for (name, mine), (_, theirs) in zip(
        second.embedder_.named_parameters(), first.embedder_.named_parameters(), strict=True
    ):
        assert torch.equal(mine, theirs), name
    assert batch_of(second)["query_labels"].shape == (9, len(first.names))


def test_a_base_without_concepts_is_refused(tmp_path):
    base = prepared(tmp_path / "a", layer="latent", concept_weight=0).embedder().save(tmp_path / "base")
    with pytest.raises(InputError, match="have no names"):
        Sesa.prepare(Sesa.Config(**SMALL), Start(base=base), lambda: iter(items()), tmp_path)


def test_a_base_with_the_other_layer_is_refused(tmp_path):
    explicit = prepared(tmp_path / "a")
    base = explicit.embedder().save(tmp_path / "base")
    latent = Sesa.Config(**SMALL, layer="latent", concept_weight=0)
    with pytest.raises(InputError, match="no latent layer"):
        Sesa(latent, Start(base=base, artifacts=tmp_path / "a"))


def test_concepts_are_chosen_by_how_many_list_them():
    lists = [["b", "a", "a"], ["b"], ["c", "a"], []]
    assert choose_concepts(lists, most=9, least=2) == ["a", "b"]
    assert choose_concepts(lists, most=1, least=1) == ["a"]
    with pytest.raises(InputError, match="listed by 4 items"):
        choose_concepts(lists, most=9, least=4)


def test_the_same_seed_gives_the_same_training(tmp_path):
    found = [prepared_loss(tmp_path / name, items()) for name in "ab"]
    assert float(found[0]) == float(found[1])


def test_one_batch_is_learned_by_heart(tmp_path):
    objective = prepared(tmp_path / "a", concept_weight=0.1)
    batch, optimizer = batch_of(objective), torch.optim.Adam(objective.parameters(), lr=2e-2)
    first = objective(batch)
    for _ in range(120):
        optimizer.zero_grad()
        last = objective(batch)
        last["loss"].backward()
        optimizer.step()
    assert last["margin"] > 0.5
    assert last["relevance"] < 0.2 * first["relevance"]
    embedder = objective.embedder()
    vector = embedder.encode(["a green bird"], prompt=embedder.settings.prompts["query"])[0]
    top = {embedder.settings.dimension_names[k] for k in vector.argsort(descending=True)[:2]}
    assert top == {"green", "bird"}


def test_what_is_saved_is_sparse_named_and_calibrated(tmp_path):
    objective = prepared(tmp_path / "a", threshold=0.2, top=3)
    folder = objective.embedder().save(tmp_path / "m")
    read = Embedder.load(folder)
    assert read.settings.dimension_names == tuple(objective.names)
    assert set(objective.names) == {*COLOURS, *THINGS}
    assert read.settings.sparsity == Sparsity(threshold=0.2, top=3)
    assert read.settings.calibration == (5.0, -2.0)
    texts = ["a red bird", "enots eulb"]
    vectors = read.encode(texts)
    assert ((vectors > 0).sum(1) == 3).all()
    assert torch.equal(vectors, objective.embedder().encode(texts))
    assert json.loads((folder / "embedworks.json").read_text())["settings"]["dimension_names"]


# -- the gateway -------------------------------------------------------------------------------------------


def test_the_gateway_answers_with_the_explanation(tmp_path):
    objective = prepared(tmp_path / "a", threshold=0.1, top=4)
    folder = objective.embedder().save(tmp_path / "m")
    embedder = Embedder.load(folder)
    api, room = tiny_api(embedder, tasks=find_tasks(["sesa"]), folder=folder)
    try:
        status, body, _ = post(
            api, "tasks/score", model="tiny", a="a red bird", b=["drib der", "enots"], top=6
        )
        assert status == 200, body
        prompts = embedder.settings.prompts
        a, b = (
            embedder.encode(texts, prompt=prompts[kind])
            for kind, texts in (("query", ["a red bird"]), ("document", ["drib der", "enots"]))
        )
        cosines = F.cosine_similarity(a, b).tolist()
        assert [one["similarity"] for one in body["data"]] == pytest.approx(cosines, abs=1e-4)
        for one in body["data"]:
            total = sum(part["contribution"] for part in one["explanation"])
            assert total == pytest.approx(one["similarity"], abs=1e-5)
            assert {part["concept"] for part in one["explanation"]} <= {*COLOURS, *THINGS}
        status, body, _ = post(
            api, "tasks/concepts", model="tiny", input="drib der", input_type="document", top=9
        )
        assert status == 200, body
        names = embedder.settings.dimension_names
        expected = {names[k]: float(b[0, k]) for k in range(len(names)) if b[0, k] > 0}
        found = {one["concept"]: one["presence"] for one in body["data"][0]["concepts"]}
        assert found == pytest.approx(expected, abs=1e-4)
        assert len(found) == 4
        status, body, _ = post(api, "embeddings", model="tiny", input="a red bird", input_type="query")
        assert body["data"][0]["embedding"] == pytest.approx(a[0].tolist(), abs=1e-4)
        assert body["data"][0]["embedding"].count(0.0) == 2
        _, body, _ = call(api, "GET", "/v1/models/tiny")
        assert body["embedworks"]["dimension_names"] == objective.names
    finally:
        asyncio.run(asyncio.sleep(0))
        room.close()


def test_the_claim_file_is_valid():
    claim = load_claim("sesa").claim
    assert set(claim.arms) == {"latent", "drift", "scratch", "sesa"}
    assert claim.arms["sesa"].role == "system"
