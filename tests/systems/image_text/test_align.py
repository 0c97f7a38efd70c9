"""The checks of ALIGN (arXiv 2102.05918): its loss by hand, one sigma, and the batch of all workers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
import torch.distributed as dist
from torch import nn

from embedworks.dual import DualEmbedder
from embedworks.errors import InputError
from embedworks.losses.contrastive import in_batch_loss
from embedworks.losses.gather import samples_of_workers
from embedworks.objective import Start
from embedworks.systems.image_text.align import Align, AlignConfig
from embedworks.training.optimizers.lamb import Lamb
from helpers.pictures import picture
from helpers.processes import start
from helpers.tiny import WORDS, tiny_embedder, tiny_tokenizer

WORLD, PAIRS = 2, 16
SHARES = {"even": (8, 8), "uneven": (11, 5)}
SIZES = {
    "image_size": 16,
    "crop_from": 18,
    "widths": (8, 16),
    "text_layers": 1,
    "text_width": 16,
    "text_heads": 2,
    "length": 12,
}


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    tiny_tokenizer().save_pretrained(folder)
    return folder


def build(artifacts: Path, **keys) -> Align:
    return Align(AlignConfig(**{**SIZES, **keys}), Start(artifacts=artifacts, seed=1))


def rows(count: int = PAIRS) -> pa.Table:
    texts = [" ".join(np.random.default_rng(n).choice(WORDS, 4)) for n in range(count)]
    return pa.table(
        {
            "image": [picture(n) for n in range(count)],
            "text": texts,
            "__epoch__": [0] * count,
            "__sample__": range(count),
        }
    )


def batch_of(artifacts: Path, count: int = PAIRS) -> dict[str, torch.Tensor]:
    transform = Align.transform(AlignConfig(**SIZES), Start(artifacts=artifacts, seed=1))
    return transform.collate(transform(rows(count)))


# -- the loss ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("smoothing", "direction"), [(0.0, 0.313262), (0.1, 0.363262)])
def test_two_pairs_by_hand(smoothing, direction):
    """Cosines 1 and 0 at sigma 1; with 0.1 the targets are 0.95 and 0.05. L is a sum, not a mean."""
    eye = torch.eye(2)
    keys = {"temperature": 1.0, "smoothing": smoothing, "total": "sum"}
    assert in_batch_loss(eye, eye, **keys).loss.item() == pytest.approx(direction, abs=1e-6)
    assert in_batch_loss(eye, eye, two_way=True, **keys).loss.item() == pytest.approx(
        2 * direction, abs=2e-6
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_one_pair_has_nothing_to_tell_apart(artifacts, smoothing):
    losses = build(artifacts, smoothing=smoothing)(batch_of(artifacts, 1))
    assert losses["loss"].item() == 0


def test_lengths_of_vectors_do_not_matter(artifacts):
    objective, batch = build(artifacts), batch_of(artifacts)
    before = objective(batch)["loss"]
    with torch.no_grad():
        objective.model.text.projection.weight.mul_(7)
        objective.model.text.projection.bias.mul_(7)
    # The image tower ends with a mean, so it is scaled on its way out.
    objective.model.image.register_forward_hook(lambda _module, _inputs, vectors: 7 * vectors)
    torch.testing.assert_close(objective(batch)["loss"], before)


def test_the_objective_is_the_paper(artifacts):
    """Written out: q_ij, both directions, one sigma."""
    objective, batch = build(artifacts, sigma=0.5), batch_of(artifacts)
    with torch.no_grad():
        x = nn.functional.normalize(objective.model(batch["pixels"]))
        y = objective.model.text(batch["input_ids"], batch["attention_mask"])
        q = 0.9 * torch.eye(PAIRS) + 0.1 / PAIRS
        logits = x @ y.T / 0.5
        expected = sum(-(q * s.log_softmax(-1)).sum() / PAIRS for s in (logits, logits.T))
    torch.testing.assert_close(objective(batch)["loss"].detach(), expected)


def test_the_defaults_are_the_papers():
    config = AlignConfig()
    assert (config.smoothing, config.total, config.gather, config.detach_others) == (
        0.1,
        "sum",
        True,
        False,
    )
    assert (config.negatives, config.sigma_learned, config.sigma_log) == (1.0, True, False)
    assert (config.vocab_size, config.length) == (100_000, 64)


@pytest.mark.parametrize("negatives", [0.25, 0.5])
def test_fewer_negatives_make_it_easier(artifacts, negatives):
    batch = batch_of(artifacts)
    fewer, all_of_them = (build(artifacts, negatives=n)(batch)["loss"].item() for n in (negatives, 1.0))
    assert fewer < all_of_them


# -- sigma -------------------------------------------------------------------------------------------


def test_sigma_starts_at_one_and_has_a_gradient_from_both_directions(artifacts):
    objective, batch = build(artifacts), batch_of(artifacts)
    losses = objective(batch)
    assert losses["sigma"].item() == 1.0
    losses["loss"].backward()
    value = objective.temperature.value
    assert value.grad.abs().item() > 0
    assert [n for n, p in objective.named_parameters() if p.numel() == 1] == ["temperature.value"], (
        "one sigma"
    )
    assert value.grad.item() == pytest.approx(slope(objective, batch), rel=1e-2)


def slope(objective: Align, batch: dict[str, torch.Tensor], step: float = 1e-2) -> float:
    """d L / d sigma by differences, of a sigma that both directions read."""
    found = []
    for sign in (1, -1):
        with torch.no_grad():
            objective.temperature.value.fill_(1 + sign * step)
            found.append(objective(batch)["loss"].item())
    return (found[0] - found[1]) / (2 * step)


def test_sigma_learns_ten_times_as_fast_and_may_be_fixed(artifacts):
    assert build(artifacts).learning_rates() == {"temperature.*": 10}
    fixed = build(artifacts, sigma=1 / 64, sigma_learned=False)
    assert not fixed.learning_rates()
    assert "temperature.value" not in dict(fixed.named_parameters())
    assert fixed(batch_of(artifacts))["sigma"] == 1 / 64


# -- the batch of all workers ------------------------------------------------------------------------


def loss_and_gradients(objective: Align, batch: dict[str, torch.Tensor], share: float = 1.0):
    loss = objective(batch)["loss"] * share
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in objective.named_parameters() if p.grad is not None}
    return {"loss": loss.detach(), **gradients}


def worker(rank: int, folder: str, artifacts: str) -> None:
    torch.set_num_threads(1)
    init, minute = f"file://{folder}/store", timedelta(minutes=1)
    dist.init_process_group("gloo", init_method=init, rank=rank, world_size=WORLD, timeout=minute)
    whole = batch_of(Path(artifacts))
    for kind, pairs in SHARES.items():
        first = sum(pairs[:rank])
        own = {key: value[first : first + pairs[rank]] for key, value in whole.items()}
        with samples_of_workers(pairs):
            share = pairs[rank] * WORLD / PAIRS  # as the engine weighs it
            found = loss_and_gradients(build(Path(artifacts)), own, share)
        for value in found.values():
            dist.all_reduce(value)
        if rank == 0:
            torch.save({name: value / WORLD for name, value in found.items()}, Path(folder) / kind)
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory, artifacts) -> Path:
    folder = tmp_path_factory.mktemp("workers")
    start(worker, (str(folder), str(artifacts)), WORLD)
    return folder


@pytest.mark.parametrize("kind", SHARES)
def test_two_workers_are_as_good_as_one(two_workers, artifacts, kind):
    found = torch.load(two_workers / kind, weights_only=True)
    expected = loss_and_gradients(build(artifacts), batch_of(artifacts))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, atol=2e-6, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}"
        )


# -- towers ------------------------------------------------------------------------------------------


def test_the_image_tower_has_no_projection_and_the_text_tower_one_linear_layer(artifacts):
    model = build(artifacts).model
    assert model.projection is None
    assert model.dimensions == model.image.width == 16
    assert isinstance(model.text.projection, nn.Linear)
    assert model.text.settings.pooling == "cls"


def test_everything_is_trained_and_the_callers_random_state_is_left_alone(artifacts):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    objective = build(artifacts)
    assert torch.equal(torch.get_rng_state(), before)
    objective(batch_of(artifacts))["loss"].backward()
    assert all(p.requires_grad and p.grad is not None for p in objective.parameters())


def test_images_are_embedded_by_the_image_tower_alone(artifacts):
    """So a kNN evaluation gives the same result with any text tower."""
    objective = build(artifacts)
    images = [picture(n) for n in range(3)]
    before = objective.embedder().encode_images(images)
    for parameter in objective.model.text.parameters():
        nn.init.normal_(parameter)
    assert torch.equal(objective.embedder().encode_images(images), before)


def test_it_is_saved_with_its_sigma_and_gone_on_with(artifacts, tmp_path):
    objective = build(artifacts, sigma=0.25)
    objective.embedder().save(tmp_path / "trained")
    start = Start(base=tmp_path / "trained", seed=2)
    again = Align(AlignConfig(length=8), start)
    assert again.temperature().item() == 0.25
    assert again.model.settings.crop_from == 18
    images = [picture(0)]
    torch.testing.assert_close(
        again.model.encode_images(images), DualEmbedder.load(tmp_path / "trained").encode_images(images)
    )
    transform = Align.transform(AlignConfig(length=8), start)
    assert transform.collate(transform(rows(2)))["pixels"].shape == (2, 3, 16, 16)
    with pytest.raises(InputError, match="length=64"):
        Align.transform(AlignConfig(), start)


# -- preparing and learning --------------------------------------------------------------------------


def test_the_vocabulary_is_made_of_the_corpus(tmp_path):
    config = AlignConfig(**SIZES, vocab_size=80)
    corpus = [{"text": "a zebra eats"}, {"text": None}, {"text": "two zebra"}]
    Align.prepare(config, Start(), lambda: iter(corpus), tmp_path)
    tokenizer = Start(artifacts=tmp_path).tokenizer
    assert tokenizer.tokenize("Zebra") == ["zebra"]
    assert tokenizer.model_max_length == SIZES["length"]
    with pytest.raises(InputError, match="no text"):
        Align.prepare(config, Start(), lambda: iter([{"text": None}]), tmp_path)


def test_crops_and_mirrors_are_the_samples_own(artifacts):
    start = Start(artifacts=artifacts, seed=1)
    transform = Align.transform(AlignConfig(**SIZES), start)
    first = transform.collate(transform(rows()))["pixels"]
    assert torch.equal(transform.collate(transform(rows()))["pixels"], first)
    part = transform.collate(transform(rows().slice(5, 3)))["pixels"]
    assert torch.equal(part, first[5:8]), "whatever the batch"
    later = rows().set_column(2, "__epoch__", pa.array([1] * PAIRS))
    assert not torch.equal(transform.collate(transform(later))["pixels"], first)


@pytest.mark.parametrize(("optimizer", "rate"), [(torch.optim.AdamW, 1e-3), (Lamb, 1e-2)])
def test_it_learns_a_batch_by_heart_and_sigma_gets_small(artifacts, optimizer, rate):
    objective, batch = build(artifacts, widths=(16, 32), text_width=32), batch_of(artifacts)
    sigma = [objective.temperature.value]
    rest = [p for p in objective.parameters() if p is not sigma[0]]
    stepper = optimizer([{"params": rest, "lr": rate}, {"params": sigma, "lr": 5e-2}])
    history = []
    for _ in range(150):
        stepper.zero_grad()
        losses = objective(batch)
        losses["loss"].backward()
        stepper.step()
        history.append({name: value.item() for name, value in losses.items()})
    assert history[-1]["accuracy"] > history[0]["accuracy"] + 0.5
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    assert history[-1]["sigma"] < 0.2


@pytest.mark.parametrize(
    ("keys", "hint"),
    [
        ({"text_width": 10, "text_heads": 3}, "not a multiple"),
        ({"crop_from": 8}, "smaller than image_size"),
        ({"sigma": 0}, "greater than 0"),
        ({"widths": ()}, "at least 1"),
    ],
)
def test_what_cannot_be_is_refused(keys, hint):
    with pytest.raises(ValueError, match=hint):
        AlignConfig(**{**SIZES, **keys})


def test_a_base_of_texts_alone_gives_the_text_tower(tmp_path):
    base = tiny_embedder(tmp_path / "base", dropout=0.5)
    align = Align(AlignConfig(**{**SIZES, "text_rate": 0.0}), Start(base=base, seed=1)).train()
    batch = Align.transform(align.config, align.start)
    batch = batch.collate(batch(rows(4)))
    texts = align.represent(batch)["text"]
    assert torch.equal(texts, align.represent(batch)["text"]), "a tower that does not learn has no dropout"
    losses = align(batch)
    losses["loss"].backward()
    assert all(parameter.grad is None for parameter in align.model.text.parameters())
    assert all(parameter.grad is not None for parameter in align.model.image.parameters())
    assert "model.text.*" not in align.learning_rates()
    saved = align.embedder().save(tmp_path / "dual")
    assert DualEmbedder.load(saved).dimensions == align.model.text.dimensions


def test_a_base_that_learns_more_slowly(tmp_path):
    base = tiny_embedder(tmp_path / "base")
    align = Align(AlignConfig(**{**SIZES, "text_rate": 0.1}), Start(base=base, seed=1))
    assert align.learning_rates()["model.text.*"] == 0.1
    assert all(parameter.requires_grad for parameter in align.parameters())
