"""The checks of DeBERTaV3 (arXiv 2111.09543): its gradients, labels, buckets and folding."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import build_relative_position

from embedworks.embedder import Embedder
from embedworks.losses.replaced_token_detection import corrupt, draw_tokens, replaced_token_loss
from embedworks.nn.shared_embedding import DeltaEmbedding, folded_table
from embedworks.objective import Start, run_phases
from embedworks.systems.text_pretraining.deberta_v3 import DebertaV3, DebertaV3Config
from embedworks.transforms.replaced_tokens import MaskAllChosen
from helpers.tiny import tiny_tokenizer


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def build(artifacts):
    def make(**config) -> DebertaV3:
        sizes = {"layers": 2, "generator_layers": 1, "width": 16, "heads": 2, "relative_buckets": 8}
        parsed = DebertaV3Config(**{**sizes, "max_length": 16, "dropout": 0.0, **config})
        return DebertaV3(parsed, Start(artifacts=artifacts, seed=1))

    return make


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(6, 60, (4, 10), generator=generator)
    labels = torch.zeros_like(ids)
    labels[:, 2] = ids[:, 2]
    labels[:, 6] = ids[:, 6]
    mask = torch.ones_like(ids)
    mask[3, 8:] = 0
    return {"input_ids": ids.masked_fill(labels > 0, 4), "labels": labels, "attention_mask": mask}


def tables(objective: DebertaV3) -> tuple[torch.nn.Parameter, torch.nn.Parameter]:
    assert objective.discriminator is not None
    return (
        objective.generator.model.table.weight,
        objective.discriminator.model.embeddings.word_embeddings.weight,
    )


def phase_losses(objective: DebertaV3, batch: dict) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {name: losses["loss"] for name, losses in run_phases(objective, batch)}


def test_the_discriminators_loss_leaves_the_generators_table_alone(build, batch):
    objective = build()
    base, delta = tables(objective)
    phase_losses(objective, batch)["discriminator"].backward()
    assert base.grad is None
    assert delta.grad.abs().sum() > 0


def test_the_generators_loss_leaves_the_delta_alone(build, batch):
    objective = build()
    base, delta = tables(objective)
    phase_losses(objective, batch)["generator"].backward()
    assert delta.grad is None
    assert base.grad.abs().sum() > 0


def test_phases_share_no_parameter(build):
    first, second = (set(map(id, module.parameters())) for module in build().phases().values())
    assert not first & second


def test_at_the_start_both_read_the_same_bits(build):
    objective = build()
    table = objective.discriminator.model.embeddings.word_embeddings
    assert isinstance(table, DeltaEmbedding)
    assert torch.equal(folded_table(table), objective.generator.model.table.weight)


def test_the_discriminators_table_follows_every_step_of_the_generator(build):
    objective = build()
    base, _ = tables(objective)
    table = objective.discriminator.model.embeddings.word_embeddings
    with torch.no_grad():
        base += 1
    assert torch.equal(table(torch.tensor([[7]]))[0, 0], base[7])


def test_folding_keeps_the_discriminators_states(build, batch, tmp_path):
    objective = build().eval()
    _, delta = tables(objective)
    with torch.no_grad():
        delta.normal_(std=0.1)
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    before = objective.discriminator.model(**inputs).last_hidden_state
    folder = objective.embedder().save(tmp_path / "d")
    after = Embedder.load(folder).eval().encoder(**inputs).last_hidden_state
    assert torch.allclose(before, after, atol=1e-6)


def test_hand_labels_and_loss():
    ids, labels = torch.tensor([[5, 4, 4]]), torch.tensor([[0, 6, 7]])
    corrupted, replaced = corrupt(ids, labels, torch.tensor([6, 9]))
    assert corrupted.tolist() == [[5, 6, 9]]
    assert replaced.tolist() == [[0, 0, 1]], "a lucky draw counts as original"
    loss = replaced_token_loss(torch.zeros(1, 3), replaced, torch.ones(1, 3))
    assert float(loss) == pytest.approx(math.log(2), abs=1e-6)


def test_the_loss_covers_every_real_position_and_no_padding():
    logits, mask = torch.tensor([[3.0, 0.0, 50.0]]), torch.tensor([[1, 1, 0]])
    loss = replaced_token_loss(logits, torch.zeros(1, 3), mask)
    assert float(loss) == pytest.approx((math.log1p(math.exp(3)) + math.log(2)) / 2, abs=1e-5)


def test_tokens_are_drawn_and_not_the_likeliest_taken():
    torch.manual_seed(0)
    logits = torch.log(torch.tensor([[0.7, 0.3]])).expand(4000, 2)
    assert float(draw_tokens(logits).float().mean()) == pytest.approx(0.3, abs=0.03)


def test_relative_positions_without_buckets():
    """delta(i, j) = clamp(i - j + k, 0, 2k - 1) with k = 2."""
    x = torch.zeros(1, 3, 4)
    relative = build_relative_position(x, x, bucket_size=-1, max_position=-1)
    delta = (relative[0] + 2).clamp(0, 3)
    assert (int(delta[0, 2]), int(delta[2, 0]), int(delta[1, 1])) == (0, 3, 2)


def test_sharing_costs_the_parameters_it_should(build):
    counts = {s: sum(p.numel() for p in build(sharing=s).parameters()) for s in ("es", "nes", "gdes")}
    table = tables(build())[0].numel()
    assert counts["es"] + table == counts["gdes"] == counts["nes"]
    assert set(build(sharing="es").phases()) == {"main"}
    assert set(build(objective="mlm").phases()) == {"main"}


def test_under_es_both_losses_pull_at_one_table(build, batch):
    objective = build(sharing="es")
    objective.generator.requires_grad_(False)
    objective.generator.model.table.weight.requires_grad_(True)
    torch.manual_seed(0)
    objective(batch)["discriminator/loss"].backward()
    assert objective.generator.model.table.weight.grad.abs().sum() > 0


def test_two_optimizers_learn_one_batch_by_heart(build, batch):
    objective = build(width=32)
    phases = objective.phases()
    optimizers = {name: torch.optim.Adam(module.parameters(), lr=5e-3) for name, module in phases.items()}
    history = []
    for step in range(30):
        torch.manual_seed(step)
        losses = {}
        for name, numbers in run_phases(objective, batch):
            optimizers[name].zero_grad()
            numbers["loss"].backward()
            optimizers[name].step()
            losses[name] = float(numbers["loss"].detach())
        history.append(losses)
    assert history[-1]["generator"] < 0.3 * history[0]["generator"]
    assert history[-1]["discriminator"] < history[0]["discriminator"]


def test_every_chosen_token_is_masked_and_no_more_than_the_rate():
    import pyarrow as pa

    tokenizer = tiny_tokenizer()
    transform = MaskAllChosen(tokenizer, max_length=32, rate=0.15, seed=0)
    texts = ["red fish swim in the old river " * 3] * 20
    rows = pa.table({"text": texts, "__epoch__": [0] * 20, "__sample__": list(range(20))})
    out = transform.collate(transform(rows))
    chosen = out["labels"] > 0
    assert (out["input_ids"][chosen] == tokenizer.mask_token_id).all()
    lengths = out["attention_mask"].sum(1)
    assert (chosen.sum(1) <= (0.15 * lengths).round().clamp(min=1)).all()
    assert not torch.equal(chosen[0], chosen[1]), "two samples, two masks"
    assert transform(rows).equals(transform(rows))


def test_diagnostics_show_both_tables(build):
    assert set(build().diagnostics()) == {"generator/token_cosine", "discriminator/token_cosine"}
