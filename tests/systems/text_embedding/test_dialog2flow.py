"""The checks of Dialog2Flow (arXiv 2410.18481), on a tiny model and a few dialogs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
import torch
from jsonschema import Draft202012Validator

from embedworks.catalog import find_objective
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.jobs.claims.load import load_claim
from embedworks.objective import Start
from embedworks.serving.tasks import find_tasks
from embedworks.systems.text_embedding.dialog2flow import Dialog2Flow, labelled
from helpers.asgi import call, post, tiny_api
from helpers.tiny import tiny_embedder

COLOURS = ("red", "green", "blue")


def turn(speaker: str, text: str, acts: list[str], *slots: str) -> dict:
    return {"speaker": speaker, "text": text, "acts": acts, "slots": [{"name": slot} for slot in slots]}


def dialogs() -> list[dict]:
    return [
        {
            "turns": [
                turn("user", f"A {colour} fish, number {n}?", ["inform", "request"], "kind"),
                turn("system", f"The {colour} river is old {n}.", ["offer"], "place", "date"),
                turn("user", f"Sort the {colour} list {n}", ["accept"]),
            ]
        }
        for n, colour in enumerate(COLOURS)
    ]


def prepared(tmp_path: Path, base: Path | None = None, **config) -> Dialog2Flow:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    base = base or tiny_embedder(tmp_path / "base", layers=2)
    found = Dialog2Flow.Config(**{"more_than": 1, "length": 16, **config})
    Dialog2Flow.prepare(found, Start(base=base), dialogs, folder)
    torch.manual_seed(0)
    return Dialog2Flow(found, Start(base=base, artifacts=folder))


def batch_of(objective: Dialog2Flow, size: int = 6) -> dict[str, torch.Tensor]:
    transform = Dialog2Flow.transform(objective.config, objective.start)
    samples = list(range(size))
    rows = pa.table({"turns": [None] * size, "__epoch__": [0] * size, "__sample__": samples})
    return transform.collate(transform(rows))


def test_it_is_found_by_its_slug():
    assert find_objective("dialog2flow") is Dialog2Flow


def test_labels_of_a_turn():
    first = dialogs()[0]["turns"][0]
    text = "a red fish number 0?"
    assert list(labelled(first, "actions")) == [(text, "inform, request kind")]
    assert list(labelled(first, "acts")) == [(text, "inform"), (text, "request")]
    assert list(labelled(dialogs()[0]["turns"][2], "slots")) == []
    assert [label for _, label in labelled(dialogs()[0]["turns"][1], "actions")] == ["offer place, date"]


def test_every_label_is_embedded_once_by_the_frozen_base(tmp_path):
    objective = prepared(tmp_path)
    names = ["accept", "inform, request kind", "offer place, date"]
    expected = Embedder.load(objective.start.base).encode(names)
    assert torch.allclose(objective.tables["actions"], expected, atol=1e-6)


def test_another_encoder_may_embed_the_labels(tmp_path):
    other = tiny_embedder(tmp_path / "other", width=16, seed=5)
    objective = prepared(tmp_path, label_encoder=str(other))
    names = ["accept", "inform, request kind", "offer place, date"]
    assert torch.allclose(objective.tables["actions"], Embedder.load(other).encode(names), atol=1e-6)
    assert objective(batch_of(objective))["loss"].requires_grad


@pytest.mark.parametrize("labels", ["single", "joint"])
def test_no_gradient_reaches_the_labels_and_the_export_has_no_head(tmp_path, labels):
    objective = prepared(tmp_path, labels=labels)
    names = [name for name, _ in objective.named_parameters()]
    assert all(name.startswith(("embedder_.", "heads.")) for name in names)
    objective(batch_of(objective))["loss"].backward()
    assert all(not table.requires_grad for table in objective.tables.values())
    for name, parameter in objective.heads.named_parameters():
        assert parameter.grad.abs().max() > 0, name
    assert objective.embedder_.encoder.embeddings.word_embeddings.weight.grad.abs().max() > 0

    saved = Embedder.load(objective.embedder().save(tmp_path / "out"))
    base = Embedder.load(objective.start.base)
    assert {n for n, _ in saved.named_parameters()} == {n for n, _ in base.named_parameters()}
    assert saved.dimensions == base.dimensions  # and not the head's 128
    texts = ["sort a red list", "the river"]
    assert torch.allclose(saved.encode(texts), objective.embedder().encode(texts), atol=1e-6)


def test_joint_sums_the_losses_of_both_sets(tmp_path):
    objective = prepared(tmp_path, labels="joint")
    losses = {name: loss.detach() for name, loss in objective(batch_of(objective)).items()}
    assert float(losses["loss"]) == pytest.approx(
        float(losses["loss/acts"] + losses["loss/slots"]), rel=1e-6
    )
    assert set(objective.heads) == {"acts", "slots"}
    assert dict(objective.learning_rates()) == {"heads.*": 100.0}


def test_hard_targets_do_not_read_the_labels_texts(tmp_path):
    objective = prepared(tmp_path, targets="hard")
    batch = batch_of(objective)
    before = float(objective(batch)["loss"].detach())
    objective.tables["actions"].normal_()
    assert float(objective(batch)["loss"].detach()) == before
    # As the temperature goes to nothing, soft targets become the hard ones: labels differ.
    soft = Dialog2Flow(objective.config.model_copy(update={"targets": "soft"}), objective.start)
    soft.load_state_dict(objective.state_dict())
    assert float(soft(batch)["loss"].detach()) != pytest.approx(before, rel=1e-3)
    object.__setattr__(soft, "config", soft.config.model_copy(update={"target_temperature": 1e-4}))
    # Lower, rounding would count: equal labels are alike to 1e-7.
    assert float(soft(batch)["loss"].detach()) == pytest.approx(before, rel=1e-4)


def test_the_same_batch_gives_the_same_loss(tmp_path):
    objective = prepared(tmp_path)
    first, second = (objective(batch_of(objective))["loss"] for _ in range(2))
    assert float(first.detach()) == float(second.detach())


def test_one_batch_is_learned_by_heart(tmp_path):
    objective = prepared(tmp_path, targets="hard")
    batch = batch_of(objective)
    optimizer = torch.optim.AdamW(objective.parameters(), lr=2e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = objective(batch)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    # What is left is the entropy of the targets: the mean logarithm of how many pairs share a pair's label.
    labels = batch["label.actions"]
    floor = float((labels[:, None] == labels).sum(1).float().log().mean())
    assert losses[-1] - floor < 0.1 * (losses[0] - floor)


def test_actions_that_are_rare_are_dropped(tmp_path):
    with pytest.raises(InputError, match="0 labels have more than 3 texts"):
        prepared(tmp_path, more_than=3)


def test_the_claim_file_is_valid():
    claim = load_claim("dialog2flow").claim
    assert set(claim.arms) == {"base", "hard", "soft", "joint"}


def test_the_exported_model_answers_with_a_flow(tmp_path):
    saved = Embedder.load(prepared(tmp_path).embedder().save(tmp_path / "out"))
    api, _ = tiny_api(saved, tasks=find_tasks(["dialog2flow"]))
    spoken = [[{"speaker": t["speaker"], "text": t["text"]} for t in row["turns"]] for row in dialogs()]
    asked = {"dialogs": spoken, "clusters": {"user": 2, "system": 1}, "graphml": True}
    status, body, _ = post(api, "tasks/dialog-flow", **asked)
    assert status == 200
    assert [path[0] for path in body["trajectories"]] == ["[start]"] * 3
    assert {node["speaker"] for node in body["nodes"]} == {None, "user", "system"}
    assert body["happy_path"][0] == "[start]"
    assert body["graphml"].startswith("<graphml")
    document = call(api, "GET", "/openapi.json")[1]
    operation = document["paths"]["/v1/tasks/dialog-flow"]["post"]
    for part in (operation["requestBody"], operation["responses"]["200"]):
        schema = part["content"]["application/json"]["schema"]
        value = {"model": "tiny", **asked} if part is operation["requestBody"] else body
        Draft202012Validator({**document, **schema}).validate(value)
    for fields, param in (({"dialogs": []}, "dialogs"), (asked | {"clusters": {"user": 2}}, "clusters")):
        status, body, _ = post(api, "tasks/dialog-flow", **fields)
        assert (status, body["error"]["param"]) == (400, param)


def test_vectors_are_compared_as_they_were_trained(tmp_path):
    read_otherwise = {"pooling": "cls", "normalize": False, "similarity": "dot", "pairs": ((1, 8), (2, 32))}
    base = tiny_embedder(tmp_path / "base", layers=2, **read_otherwise)
    settings = prepared(tmp_path, base).embedder().settings
    assert (settings.pooling, settings.similarity, settings.normalize) == ("mean", "cosine", True)
    assert settings.pairs == ()
