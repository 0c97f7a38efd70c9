import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from torch import Tensor, nn

from embedworks.catalog import find_objective
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.losses.contrastive import Ranking, in_batch_loss
from embedworks.nn.encoder import layer_stack
from embedworks.objective import Losses, Start
from embedworks.systems.text_embedding import starbucks
from embedworks.systems.text_embedding.matryoshka_2d import Matryoshka2d
from embedworks.systems.text_embedding.starbucks import Starbucks, StarbucksSmae, scaled_pairs
from embedworks.transforms.transform import EPOCH, SAMPLE, Batch
from helpers.tiny import tiny_embedder

PAIRS = ((1, 8), (2, 16), (4, 32))
LENGTHS = {"query_length": 16, "positive_length": 16}
QUERIES = ["the bird", "sort a list", "open the file", "sun in the tree"]
POSITIVES = ["a red bird sings", "sorted list", "read a file", "moon on a river"]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tensors this small only wait for each other, most of all on a busy machine
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    return Start(base=tiny_embedder(tmp_path_factory.mktemp("model")), seed=1)


def srl(start: Start, **options: Any) -> Starbucks:
    config = {"pairs": PAIRS, **LENGTHS, **options}
    return Starbucks(Starbucks.Config.model_validate(config), start).train()


def smae(start: Start, **options: Any) -> StarbucksSmae:
    config = {"pairs": PAIRS, "length": 16, **options}
    return StarbucksSmae(StarbucksSmae.Config.model_validate(config), start).train()


def batch_of(objective: Starbucks | StarbucksSmae, **columns: list[Any]) -> Batch:
    is_srl = isinstance(objective, Starbucks)
    texts = {"query": QUERIES, "positive": POSITIVES} if is_srl else {"text": POSITIVES}
    keys = {EPOCH: [0] * len(QUERIES), SAMPLE: list(range(len(QUERIES)))}
    transform = type(objective).transform(objective.config, objective.start)
    return transform.collate(transform(pa.table({**texts, **columns, **keys})))


def gradient_of(loss: Tensor, module: nn.Module) -> float:
    parameters = list(module.parameters())
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return max(0.0 if g is None else float(g.abs().max()) for g in gradients)


def read(objective: Starbucks, batch: Batch, side: str, layer: int) -> Tensor:
    mask, embedder = batch[f"{side}_mask"], objective.embedder_
    return embedder.pool(embedder.layer_states(batch[f"{side}_ids"], mask)[layer], mask)


# -- the sheet's checks --------------------------------------------------------------------------------


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_check_1_the_whole_model_alone_is_the_plain_loss(start: Start, similarity: Any) -> None:
    objective = srl(start, pairs=[(4, 32)], kl_weight=0, similarity=similarity)
    batch = batch_of(objective)
    vectors = [read(objective, batch, side, layer=-1) for side in ("query", "candidate")]
    plain = in_batch_loss(*vectors, temperature=1.0, similarity=similarity)
    assert torch.equal(objective(batch)["loss"], plain.loss)


def test_check_2_layers_above_a_pair_get_no_gradient(start: Start) -> None:
    objective = srl(start)
    objective.pairs = ((2, 16),)
    loss = objective(batch_of(objective))["loss"]
    touched = [gradient_of(loss, layer) > 0 for layer in layer_stack(objective.embedder_.encoder)]
    assert touched == [True, True, False, False]


def test_check_2_smae_reads_only_the_pairs_columns(start: Start) -> None:
    objective = smae(start)
    objective.pairs = ((2, 8),)
    ((mlm, mae),) = objective.pair_losses(batch_of(objective))
    for loss in (mlm, mae):
        touched = [gradient_of(loss, layer) > 0 for layer in layer_stack(objective.embedder_.encoder)]
        assert touched == [True, True, False, False]
    weight = objective.head.transform.dense.weight
    of_mlm, of_mae = (torch.autograd.grad(loss, weight, retain_graph=True)[0] for loss in (mlm, mae))
    assert of_mlm[:, :8].abs().max() > 0
    assert of_mlm[:, 8:].abs().max() == 0
    assert of_mae[:, 8:].abs().max() > 0


def test_check_3_is_in_the_masks_own_tests(start: Start) -> None:
    batch = batch_of(smae(start))  # here: the objective hands the ratios on
    real = batch["attention_mask"].sum(1)
    for side, ratio in (("encoder", 0.2), ("decoder", 0.4)):
        masked = (batch[f"{side}_labels"] != -100).sum(1)
        assert (masked <= (real * ratio).round().clamp(min=1)).all()
        assert masked.sum() > 0


@pytest.mark.parametrize("detach", [True, False])
def test_check_4_the_teacher_is_not_taught(start: Start, detach: bool) -> None:
    objective = srl(start, detach_teacher=detach)
    with_kl = full_depth_gradients(objective)
    objective.config = objective.config.model_copy(update={"kl_weight": 0.0})
    without = full_depth_gradients(objective)
    assert all(gradient.abs().max() > 0 for gradient in without)
    assert all(torch.equal(a, b) for a, b in zip(with_kl, without, strict=True)) is detach


def full_depth_gradients(objective: Starbucks) -> list[Tensor]:
    """Gradients of the loss with respect to E_L of the queries and of the candidates."""
    taps: list[Tensor] = []
    pool = Embedder.pool

    def tapped(embedder: Embedder, states: Tensor, mask: Tensor) -> Tensor:
        taps.append(pool(embedder, states, mask))
        return taps[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Embedder, "pool", tapped)
        loss = objective(batch_of(objective))["loss"]
    full = [tap for i, tap in enumerate(taps) if i % len(PAIRS) == len(PAIRS) - 1]
    return list(torch.autograd.grad(loss, full))


def test_check_5_every_way_of_reading_a_pair_agrees(start: Start, tmp_path: Path) -> None:
    embedder = srl(start, similarity="cosine").embedder()
    tokens = embedder.eval().tokenize(QUERIES)
    with torch.no_grad():
        states = embedder.layer_states(**tokens)
    for n, d in PAIRS:
        pooled = embedder.pool(states[n - 1], tokens["attention_mask"])[:, :d]
        expected = nn.functional.normalize(pooled, dim=-1)
        cut = Embedder.load(embedder.cut(n, d).save(tmp_path / f"{n}x{d}"))
        assert cut.num_layers == n
        assert torch.allclose(embedder.encode(QUERIES, layers=n, dimensions=d), expected, atol=1e-5)
        assert torch.allclose(cut.encode(QUERIES, dimensions=d), expected, atol=1e-5)


def test_check_6_pairs_are_summed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = iter([2.0, 1.5, 1.0])

    def given(queries: Tensor, candidates: Tensor, **_: Any) -> Ranking:
        # Two candidates whose scores differ by x cost log(1 + exp(-x)).
        x = -math.log(math.exp(next(wanted)) - 1)
        scores = torch.tensor([[x, 0.0]])
        loss = nn.functional.cross_entropy(scores, torch.tensor([0]))
        return Ranking(loss, scores, torch.tensor([0]))

    monkeypatch.setattr(starbucks, "in_batch_loss", given)
    objective = srl(start, kl_weight=0)
    losses = objective(batch_of(objective))
    assert float(losses["loss"]) == pytest.approx(4.5, abs=1e-5)
    assert float(losses["loss/2x16"]) == pytest.approx(1.5, abs=1e-5)


# -- SRL -----------------------------------------------------------------------------------------------


def test_the_loss_is_the_sum_of_its_named_parts(start: Start) -> None:
    objective = srl(start, kl_weight=0.5)
    losses = objective(batch_of(objective))
    names = [f"loss/{n}x{d}" for n, d in PAIRS]
    assert set(losses) == {"loss", *names, "kl/1x8", "kl/2x16"}
    expected = sum(losses[n] for n in names) + 0.5 * (losses["kl/1x8"] + losses["kl/2x16"])
    assert torch.allclose(losses["loss"], torch.as_tensor(expected))
    assert all(not value.requires_grad for key, value in losses.items() if key != "loss")


def test_one_encoder_pass_a_side(start: Start) -> None:
    objective = srl(start)
    batch, calls = batch_of(objective), []
    objective.embedder_.encoder.register_forward_hook(lambda *_: calls.append(1))
    objective(batch)
    assert len(calls) == 2


def test_the_sts_preset_yields_to_given_keys() -> None:
    config = Starbucks.Config.model_validate({"form": "sts", "kl_weight": 0.1})
    got = (config.similarity, config.temperature, config.kl_space, config.detach_teacher, config.pooling)
    assert got == ("cosine", 0.05, "coords", False, "mean")
    assert config.kl_weight == 0.1
    assert Starbucks.Config.model_validate(config.model_dump()) == config
    official = Starbucks.Config()
    assert (official.similarity, official.kl_weight, official.kl_space) == ("dot", 1.0, "scores")


def test_coordinate_kl_compares_raw_prefixes_of_all_texts(start: Start) -> None:
    objective = srl(start, form="sts")
    batch = batch_of(objective)
    sides = ("query", "candidate")
    small = [read(objective, batch, side, layer=0)[:, :8] for side in sides]
    full = [read(objective, batch, side, layer=-1)[:, :8] for side in sides]
    teacher, student = torch.cat(full).log_softmax(-1), torch.cat(small).log_softmax(-1)
    expected = (teacher.exp() * (teacher - student)).sum(-1).mean()
    assert torch.allclose(objective(batch)["kl/1x8"], expected, atol=1e-5)


def test_hard_negatives_join_the_candidates(start: Start) -> None:
    objective = srl(start)
    batch = batch_of(objective, negative=["cat"] * 4)
    assert batch["candidate_ids"].shape[0] == 8
    assert objective(batch)["loss"] > objective(batch_of(objective))["loss"]


def test_cosent_needs_scores(start: Start) -> None:
    objective = srl(start, form="sts", base_loss="cosent")
    losses = objective(batch_of(objective, score=[1.0, 0.2, 0.7, 0.0]))
    assert losses["loss"].isfinite()
    flat = objective(batch_of(objective, score=[1.0] * 4))
    assert float(flat["loss/4x32"]) == 0
    with pytest.raises(InputError, match="scored pairs"):
        objective(batch_of(objective))


@pytest.mark.parametrize("form", ["retrieval", "sts"])
def test_it_learns_a_batch_by_heart(start: Start, form: str) -> None:
    objective = srl(start, form=form)
    assert falls(objective, batch_of(objective)) < 0.3


def test_a_bfloat16_module_has_float32_losses(start: Start) -> None:
    for objective in (srl(start), smae(start)):
        losses = objective.bfloat16()(batch_of(objective))
        assert {value.dtype for value in losses.values()} == {torch.float32}
        losses["loss"].backward()


def test_the_embedder_says_how_to_read_it(start: Start) -> None:
    settings = srl(start).embedder().settings
    assert (settings.similarity, settings.normalize, settings.pooling) == ("dot", False, "cls")
    assert settings.pairs == PAIRS
    settings = srl(start, similarity="cosine", pooling=None).embedder().settings
    assert (settings.similarity, settings.normalize, settings.pooling) == ("cosine", True, "mean")


# -- the list of pairs ---------------------------------------------------------------------------------

BAD_PAIRS = [
    (((1, 8), (2, 16)), r"pairs end with \[2, 16\].*expected \[4, 32\]"),
    (((2, 8), (2, 16), (4, 32)), r"\[2, 16\] does not follow \[2, 8\]"),
    (((1, 16), (2, 8), (4, 32)), r"\[2, 8\] does not follow \[1, 16\]"),
    (((0, 8), (4, 32)), r"\[0, 8\] does not follow"),
    (((4, 64),), r"pairs end with \[4, 64\]"),
]


@pytest.mark.parametrize(("pairs", "message"), BAD_PAIRS)
def test_pairs_that_do_not_fit_are_refused(start: Start, pairs: Any, message: str) -> None:
    for make in (srl, smae):
        with pytest.raises(InputError, match=message):
            make(start, pairs=pairs)


def test_scaled_pairs() -> None:
    assert scaled_pairs(12, 768) == ((2, 32), (4, 64), (6, 128), (8, 256), (10, 512), (12, 768))
    assert scaled_pairs(6, 384) == ((1, 16), (2, 32), (3, 64), (4, 128), (5, 256), (6, 384))
    for layers in range(1, 30):
        pairs = scaled_pairs(layers, 100)
        assert pairs[-1] == (layers, 100)
        assert all(a[0] < b[0] and a[1] <= b[1] for a, b in itertools.pairwise(pairs))


def test_fine_tuning_inherits_the_pairs_of_pre_training(start: Start, tmp_path: Path) -> None:
    assert srl(start, pairs=()).pairs == scaled_pairs(4, 32)
    trained = Start(base=smae(start).embedder().save(tmp_path))
    assert srl(trained, pairs=()).pairs == PAIRS


def test_lengths_beyond_the_model_are_refused(start: Start) -> None:
    with pytest.raises(InputError, match="positive_length=196 is longer than the 64 tokens"):
        Starbucks.transform(Starbucks.Config(), start)
    with pytest.raises(InputError, match="length=65 is longer than the 64 tokens"):
        StarbucksSmae.transform(StarbucksSmae.Config(length=65), start)


# -- SMAE ----------------------------------------------------------------------------------------------


def test_smae_is_the_mean_over_pairs_and_halves(start: Start) -> None:
    objective = smae(start)
    losses = objective(batch_of(objective))
    parts = [losses[f"{kind}/{n}x{d}"] for n, d in PAIRS for kind in ("mlm", "mae")]
    assert len(losses) == 1 + len(parts)
    assert torch.allclose(losses["loss"], torch.stack(parts).mean())


def test_smae_shares_embeddings_and_drops_the_rest(start: Start, tmp_path: Path) -> None:
    objective = smae(start)
    own = {n.split(".")[0] for n, _ in objective.named_parameters()}
    assert own == {"embedder_", "head", "decoder"}
    vocabulary = objective.embedder_.encoder.config.vocab_size
    tables = [p for p in objective.parameters() if p.ndim == 2 and p.shape[0] == vocabulary]
    assert len(tables) == 1
    embedder = Embedder.load(objective.embedder().save(tmp_path))
    assert embedder.settings.pairs == PAIRS
    before = start.embedder()
    assert sum(p.numel() for p in embedder.parameters()) == sum(p.numel() for p in before.parameters())


def test_smae_learns_a_batch_by_heart(start: Start) -> None:
    objective = smae(start)
    assert falls(objective, batch_of(objective)) < 0.5


def test_smae_starts_alike_everywhere(start: Start) -> None:
    one, two = smae(start).state_dict(), smae(start).state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_smae_from_nothing(tmp_path: Path) -> None:
    config = StarbucksSmae.Config(layers=2, width=16, heads=2, vocab_size=300, max_length=32, length=16)

    def rows() -> Iterator[dict[str, Any]]:
        return ({"text": text} for text in QUERIES + POSITIVES)

    StarbucksSmae.prepare(config, Start(), rows, tmp_path / "artifacts")
    objective = StarbucksSmae(config, Start(artifacts=tmp_path / "artifacts"))
    assert objective.pairs[-1] == (2, 16)
    objective(batch_of(objective))["loss"].backward()
    embedder = Embedder.load(objective.embedder().save(tmp_path / "embedder"))
    assert embedder.encode(QUERIES).shape == (4, 16)
    assert embedder.settings.max_length == 32


def test_smae_masks_less_for_the_encoder() -> None:
    with pytest.raises(ValueError, match="below decoder_ratio"):
        StarbucksSmae.Config(encoder_ratio=0.4, decoder_ratio=0.4)


def test_masked_language_modelling_alone_has_no_decoder(start: Start) -> None:
    objective, both = smae(start, autoencoding=False), smae(start)
    assert objective.decoder is None
    objective.load_state_dict(both.state_dict(), strict=False)
    batch = batch_of(both)
    objective.eval(), both.eval()
    with torch.no_grad():
        losses, whole = objective(batch), both(batch)
    mlm = [whole[f"mlm/{n}x{d}"] for n, d in PAIRS]
    assert float(losses["loss"]) == pytest.approx(float(torch.stack(mlm).mean()), abs=1e-6)
    assert not any(name.startswith("mae/") for name in losses)


# -- the baseline of the claim -----------------------------------------------------------------------------


def test_the_claim_s_baseline_is_the_one_that_it_was_run_with(start: Start) -> None:
    """Loss and draws of the random sizes, which this module had itself when the claim was run."""
    options: dict[str, Any] = {"variant": "st", "widths": (8, 16), "pooling": "cls", **LENGTHS}
    objective = Matryoshka2d(Matryoshka2d.Config.model_validate(options), start).train()
    drawn = []
    batch = batch_of(srl(start))
    assert float(objective(batch)["loss"].detach()) == pytest.approx(3.91994, rel=1e-4)
    assert objective.sizes is not None
    for step in range(6):
        drawn.append(tuple(objective.sizes.draw()))
        objective.after_step(step)
    assert drawn == [(2, 16, 32), (2, 8, 16), (2, 16, 32), (2, 8, 32), (2, 16, 16), (3, 16, 16)]


def test_the_catalogue_knows_both() -> None:
    assert find_objective("starbucks") is Starbucks
    assert find_objective("starbucks/smae") is StarbucksSmae


def falls(objective: nn.Module, batch: Batch, steps: int = 40) -> float:
    """The loss after some steps on one batch, as a share of the loss before."""
    optimizer = torch.optim.Adam(objective.parameters(), lr=5e-3)
    history: list[float] = []
    for _ in range(steps):
        losses: Losses = objective(batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        history.append(losses["loss"].item())
    return history[-1] / history[0]
