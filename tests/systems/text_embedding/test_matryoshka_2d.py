import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import Tensor, nn

from embedworks.catalog import find_objective
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.engine import Engine
from embedworks.losses.matryoshka import Sizes
from embedworks.nn.encoder import layer_stack
from embedworks.objective import Losses, Start
from embedworks.systems.text_embedding import matryoshka_2d
from embedworks.systems.text_embedding.matryoshka_2d import Matryoshka2d, base_loss
from embedworks.transforms.transform import EPOCH, SAMPLE, Batch
from helpers.asgi import post, tiny_api
from helpers.tiny import tiny_embedder

QUERIES = ["the bird", "sort a list", "open the file", "sun in the tree"]
POSITIVES = ["a red bird sings", "sorted list", "read a file", "moon on a river"]
SCORES = [1.0, 0.2, 1.0, 0.0]
IN_BATCH = {"weights": (0, 1, 0)}
GRID = tuple((n, d) for n in (1, 2, 3, 4) for d in (8, 16, 32))


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tensors this small only wait for each other, most of all on a busy machine
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    return Start(base=tiny_embedder(tmp_path_factory.mktemp("model")), seed=1)


def made(start: Start, **options: Any) -> Matryoshka2d:
    config = {"widths": (8, 16), "query_length": 16, "positive_length": 16, "pooling": "mean", **options}
    return Matryoshka2d(Matryoshka2d.Config.model_validate(config), start).train()


def batch_of(objective: Matryoshka2d, **columns: list[Any]) -> Batch:
    keys = {EPOCH: [0] * len(QUERIES), SAMPLE: list(range(len(QUERIES)))}
    transform = Matryoshka2d.transform(objective.config, objective.start)
    return transform.collate(
        transform(pa.table({"query": QUERIES, "positive": POSITIVES, **columns, **keys}))
    )


def at(objective: Matryoshka2d, layer: int, width: int = 8, shallow_width: int = 16) -> Matryoshka2d:
    """The objective at sizes that are not drawn."""
    assert objective.sizes is not None
    objective.sizes.draw = lambda: Sizes(layer, width, shallow_width)  # type: ignore[method-assign]
    return objective


def read(objective: Matryoshka2d, batch: Batch, layer: int) -> list[Tensor]:
    """E_n of the queries and of the candidates, by cutting the model instead of tapping it."""
    cut = objective.embedder_.cut(layer)
    cut.settings = cut.settings.model_copy(update={"normalize": False})
    return [cut(batch[f"{side}_ids"], batch[f"{side}_mask"]).float() for side in ("query", "candidate")]


def gradients_by_layer(objective: Matryoshka2d, loss: Tensor) -> list[float]:
    """The largest gradient of each layer's parameters."""
    stack = layer_stack(objective.embedder_.encoder)
    found = []
    for layer in stack:
        own = torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True, allow_unused=True)
        found.append(max(0.0 if g is None else float(g.abs().max()) for g in own))
    return found


# -- the sheet's checks; 2 and 4, which are of the loss alone, are in tests/losses/test_matryoshka.py ----


def test_check_1_a_copy_of_the_last_layer_costs_its_share_and_no_kl(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied(*arguments: Any) -> tuple[Tensor, ...]:
        states = exit_states(*arguments)
        return (states[-1],) * len(states)

    exit_states = matryoshka_2d.exit_states
    monkeypatch.setattr(matryoshka_2d, "exit_states", copied)
    objective = at(made(start, **IN_BATCH), layer=2)
    batch = batch_of(objective)
    losses = objective(batch)
    whole = read(objective, batch, 4)
    full, cut = (base_loss(*(side[:, :d] for side in whole), objective.config, None) for d in (32, 8))
    assert float(losses["kl"]) == 0
    assert float(losses["loss"].detach()) == pytest.approx(1.5 * float((full + cut).detach()), rel=1e-5)


def test_check_3_layers_above_the_drawn_one_learn_from_the_last_alone(start: Start) -> None:
    objective = at(made(start, **IN_BATCH), layer=2)
    batch = batch_of(objective)
    touched = [gradient > 0 for gradient in gradients_by_layer(objective, objective(batch)["loss"])]
    assert touched == [True] * 4
    vectors = objective.represent(batch)
    still = {key: value.detach() * 0 + 1 for key, value in vectors.items() if key.endswith("/4")}
    losses = objective.compare(vectors | still, batch)
    touched = [gradient > 0 for gradient in gradients_by_layer(objective, losses["loss"])]
    assert touched == [True, True, False, False]


def test_check_5_workers_draw_the_same_without_a_word(start: Start) -> None:
    one, other = made(start), made(start)
    assert one.sizes is not None
    assert other.sizes is not None
    drawn = []
    for step in range(1000):
        assert one.sizes.draw() == other.sizes.draw()
        drawn.append(one.sizes.draw())
        assert one.layers() == (drawn[-1].layer, 4)
        one.after_step(step), other.after_step(step)
    assert {sizes.layer for sizes in drawn} == {1, 2, 3}
    assert {sizes.width for sizes in drawn} == {8, 16}
    again = made(start)
    again.load_state_dict(one.state_dict())
    assert again.layers() == one.layers()  # a restarted training draws on


def test_check_6_a_prefix_is_normalised_after_it_is_cut() -> None:
    # [3, 4, 12] at k = 2 scores as [0.6, 0.8]: 1 with itself, 0.6 with the first axis.
    config = Matryoshka2d.Config(base_loss="ranking", temperature=1.0, pooling="mean")
    queries = torch.tensor([[3.0, 4.0, 12.0], [1.0, 0.0, 0.0]])[:, :2]
    candidates = torch.tensor([[0.6, 0.8, 5.0], [7.0, 0.0, -2.0]])[:, :2]
    # Both queries see their own at 1 and the other at 0.6.
    expected = math.log(1 + math.exp(0.6 - 1))
    assert float(base_loss(queries, candidates, config, None)) == pytest.approx(expected, rel=1e-6)


# -- agreement with released code --------------------------------------------------------------------


def test_the_form_of_angle_gives_what_its_released_code_gives(start: Start) -> None:
    """SeanLee97/AnglE 347bbb6 (29 February 2024), AngleTDMSETrainer.compute_loss and AngleLoss on data of
    format A, worked out here step by step in float64 with that code's order of operations.
    """
    objective = at(made(start, kl_temperature=1.5), layer=3)
    batch = batch_of(objective, score=SCORES)
    found = float(objective(batch)["loss"].detach())
    # Zigzag: text, partner, text, partner, ...
    teacher, student = (
        np.stack([side.detach().double().numpy() for side in read(objective, batch, n)], 1).reshape(8, -1)
        for n in (4, 3)
    )
    labels = np.repeat(np.array(SCORES), 2)
    expected = angle_base(labels, teacher) + angle_base(labels, student) / 3
    p, q = softmax(teacher / 1.5), softmax(student / 1.5)
    expected += (p * (np.log(p) - np.log(q))).sum() / 8 * 1.5 * math.log(2 + 3)
    expected += angle_base(labels, teacher[:, :8]) + angle_base(labels, student[:, :8]) / 3
    assert found == pytest.approx(expected, rel=1e-5)


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def angle_base(labels: Any, x: Any) -> float:
    """w1 = w2 = w3 = 1, scales 20, 20 and 1."""
    y, unit = labels[::2], x / np.linalg.norm(x, axis=1, keepdims=True)

    def ordered(scores: Any) -> float:
        lower = y[:, None] < y[None, :]
        return math.log(1 + np.exp(scores[:, None] - scores[None, :])[lower].sum())

    cosine = ordered((unit[::2] * unit[1::2]).sum(1) * 20)
    logits = unit @ unit.T * 20
    np.fill_diagonal(logits, -1e12)
    partner = np.arange(8) ^ 1
    losses = -np.log(softmax(logits)[np.arange(8), partner])
    in_batch = (losses * (labels.astype(int) == 1)).mean()
    (a, b), (c, d) = (np.split(half, 2, axis=1) for half in (x[::2], x[1::2]))
    z = (c**2 + d**2).sum(1, keepdims=True)
    size = (a**2 + b**2).sum(1, keepdims=True) ** 0.5 / z**0.5
    both = np.concatenate([(a * c + b * d) / z / size, (b * c - a * d) / z / size], axis=1)
    return cosine + in_batch + ordered(np.abs(both.sum(1)))


def test_the_form_of_sentence_transformers_gives_what_it_gives(start: Start, tmp_path: Path) -> None:
    """Matryoshka2dLoss of the installed release, told of which layer and widths are drawn, and to weigh
    layer i of its list by 1 / i; its teacher is detached.
    """
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import losses as theirs

    objective = at(made(start, variant="st", detach_teacher=True), 3, width=16, shallow_width=8)
    batch = batch_of(objective)
    ours = objective(batch)["loss"]
    ours.backward()
    mine = {
        name.removeprefix("encoder."): parameter.grad
        for name, parameter in objective.embedder_.named_parameters()
        if parameter.grad is not None
    }

    model = SentenceTransformer(str(objective.embedder().save(tmp_path)), device="cpu")
    del model[2]  # the KL is of vectors as they were pooled, and cosines normalise
    base = theirs.MultipleNegativesRankingLoss(model)
    loss = theirs.Matryoshka2dLoss(model, base, [32, 16, 8], layer_weighting=lambda i: 1 / i)
    drawn = iter([[1], [3], [2]])  # the width of the last layer, layer 3, its width
    random = type("Drawn", (), {"sample": staticmethod(lambda *_: next(drawn))})
    with pytest.MonkeyPatch.context() as patch:
        for module in ("adaptive_layer", "matryoshka"):
            patch.setattr(f"sentence_transformers.sentence_transformer.losses.{module}.random", random)
        features = [
            {"input_ids": batch[f"{side}_ids"], "attention_mask": batch[f"{side}_mask"]}
            for side in ("query", "candidate")
        ]
        released = loss.train()(features, torch.zeros(4))
    assert float(ours.detach()) == pytest.approx(float(released.detach()), rel=1e-5)
    released.backward()
    checked = 0
    for name, parameter in model[0].named_parameters():
        key = next((key for key in mine if name.endswith(key)), None)
        if key and parameter.grad is not None:
            assert torch.allclose(parameter.grad, mine[key], atol=1e-4, rtol=1e-3), name
            checked += 1
    assert checked > 20


# -- the objective -------------------------------------------------------------------------------------


def test_the_form_st_has_its_own_defaults() -> None:
    st = Matryoshka2d.Config.model_validate({"variant": "st", "kl_weight": 0.5})
    assert (st.base_loss, st.kl_temperature, st.pooling, st.kl_weight) == ("ranking", 0.3, "mean", 0.5)
    assert Matryoshka2d.Config.model_validate(st.model_dump()) == st
    official = Matryoshka2d.Config()
    assert (official.base_loss, official.kl_temperature, official.pooling) == ("angle", 1.0, "cls")
    assert official.weights == (1, 1, 1)


def test_only_the_form_st_draws_the_whole_width(start: Start) -> None:
    for variant, expected in (("angle", (8, 16)), ("st", (8, 16, 32))):
        sizes = made(start, variant=variant).sizes
        assert sizes is not None
        assert sizes.widths == expected


def test_one_encoder_pass_a_side(start: Start) -> None:
    for variant in ("angle", "st", "ese", "mrl"):
        widths = (8,) if variant == "ese" else (8, 16)
        objective = made(start, variant=variant, widths=widths, **IN_BATCH)
        batch, calls = batch_of(objective), []
        objective.embedder_.encoder.register_forward_hook(lambda *_, to=calls: to.append(1))
        objective(batch)
        assert len(calls) == 2


def test_pairs_without_grades_have_no_order(start: Start) -> None:
    for options in ({}, {"base_loss": "cosent"}, {"weights": (0, 1, 1)}):
        objective = made(start, **options)
        with pytest.raises(InputError, match=r"no grades.*weights \[0, 1, 0\]"):
            objective(batch_of(objective))
        assert objective(batch_of(objective, score=SCORES))["loss"].isfinite()
        assert objective(batch_of(objective, negative=POSITIVES[::-1]))["loss"].isfinite()


def test_hard_negatives_are_graded_below_their_positives() -> None:
    found = matryoshka_2d.grades(2, 3, None)
    assert found.tolist() == [1, 0, 0, 1, 0, 0]
    assert matryoshka_2d.grades(2, 2, torch.tensor([0.5, 4.0])).tolist() == [0.5, 0, 4.0, 0]


def test_each_part_of_the_base_loss_counts_by_its_weight() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, candidates = torch.randn(4, 8, generator=generator), torch.randn(8, 8, generator=generator)

    def loss(*weights: float, **options: Any) -> float:
        config = Matryoshka2d.Config(weights=weights, **options)
        return float(base_loss(queries, candidates, config, None))

    parts = loss(1, 0, 0), loss(0, 1, 0), loss(0, 0, 1)
    assert len(set(parts)) == 3
    assert loss(2, 3, 4) == pytest.approx(2 * parts[0] + 3 * parts[1] + 4 * parts[2], rel=1e-5)
    assert loss(0, 0, 1, base_loss="cosent") == pytest.approx(parts[0], rel=1e-6)
    assert loss(0, 0, 1, base_loss="ranking") == pytest.approx(parts[1], rel=1e-6)


def test_a_teacher_takes_the_kl_and_pulls_the_last_layers_tokens(start: Start, tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "teacher", layers=2, seed=7)
    plain, taught = (at(made(start, **IN_BATCH, teacher=source), 2) for source in (None, str(folder)))
    batch = batch_of(plain)
    without, losses = plain(batch), taught(batch)
    teacher = Embedder.load(folder)
    texts, alignments = [], []
    for side in ("query", "candidate"):
        ids, mask = batch[f"{side}_ids"], batch[f"{side}_mask"]
        theirs, mine = teacher.layer_states(ids, mask)[-1], plain.embedder_.layer_states(ids, mask)[-1]
        texts.append(teacher.pool(theirs, mask))
        ratio = theirs.log_softmax(-1) - mine.log_softmax(-1)
        alignments.append(((theirs.softmax(-1) * ratio).sum(-1) * mask).sum(1))
    shallow = torch.cat(read(plain, batch, 2))
    target = torch.cat(texts)
    kl = (target.softmax(-1) * (target.log_softmax(-1) - shallow.log_softmax(-1))).sum(-1).mean()
    alignment = torch.cat(alignments).mean()
    expected = without["loss"] + math.log(4) * (kl - without["kl"]) + alignment
    assert float(losses["kl"]) == pytest.approx(float(kl.detach()), rel=1e-4)
    assert float(losses["loss"].detach()) == pytest.approx(float(expected.detach()), rel=1e-4)
    assert {name for name, _ in taught.named_parameters()} == {name for name, _ in plain.named_parameters()}
    assert set(taught.state_dict()) == set(plain.state_dict())


def test_a_teacher_must_be_of_the_same_make(start: Start, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"states have 16 coordinates.*32"):
        made(start, teacher=str(tiny_embedder(tmp_path / "narrow", width=16)))
    with pytest.raises(ValueError, match="the form st has no teacher"):
        made(start, variant="st", teacher="x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widths": (8, 32)}, "width 32 is not below.*widths below 32"),
        ({"widths": ()}, "no width to draw"),
    ],
)
def test_widths_that_do_not_fit_are_refused(start: Start, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(start, **options)


@pytest.mark.parametrize(
    "options",
    [{"widths": (16, 8)}, {"widths": (0,)}, {"variant": "ese", "widths": (8, 16)}, {"weights": (0, 0, 0)}],
)
def test_keys_that_mean_nothing_are_refused(options: Any) -> None:
    with pytest.raises(ValueError):
        Matryoshka2d.Config.model_validate(options)


def test_a_model_of_one_layer_cannot_be_cut(tmp_path: Path) -> None:
    shallow = Start(base=tiny_embedder(tmp_path, layers=1))
    for variant in ("angle", "st", "ese"):
        with pytest.raises(InputError, match="one layer"):
            made(shallow, variant=variant, widths=(8,))
    assert made(shallow, variant="mrl").widths == (8, 16)


def test_widths_are_found_where_none_are_given(start: Start) -> None:
    assert made(start, widths=None).widths == (8, 16)
    assert made(start, widths=None, variant="ese").widths == (16,)
    assert made(start, widths=[], variant="mrl").widths == ()


def test_lengths_beyond_the_model_are_refused(start: Start) -> None:
    with pytest.raises(InputError, match="positive_length=65 is longer than the 64 tokens"):
        Matryoshka2d.transform(Matryoshka2d.Config(positive_length=65), start)


@pytest.mark.parametrize("variant", ["angle", "st", "ese", "mrl"])
def test_it_learns_a_batch_by_heart(start: Start, variant: str) -> None:
    objective = made(start, variant=variant, widths=(8,), **IN_BATCH, kl_weight=0.1)
    batch = batch_of(objective)
    assert falls(objective, batch) < 0.3
    if variant != "mrl":  # every depth knows the pairs by now
        for layer in range(1, 5):
            queries, candidates = (side[:, :8] for side in read(objective.eval(), batch, layer))
            cosines = (
                nn.functional.normalize(queries, dim=-1) @ nn.functional.normalize(candidates, dim=-1).T
            )
            assert cosines.argmax(1).tolist() == [0, 1, 2, 3], layer


def test_two_trainings_are_one_and_the_same(start: Start) -> None:
    histories = []
    for _ in range(2):
        objective = made(start, **IN_BATCH)
        histories.append(falls(objective, batch_of(objective), steps=4))
    assert histories[0] == histories[1]


def test_the_vectors_of_a_chunk_are_those_of_the_batch(start: Start, tmp_path: Path) -> None:
    teacher = str(tiny_embedder(tmp_path / "teacher", layers=2, seed=7))
    objective = made(start, **IN_BATCH, teacher=teacher)
    batch = batch_of(objective)
    whole = objective.represent(batch)
    parts = [
        objective.represent({key: value[rows] for key, value in batch.items()})
        for rows in (slice(0, 2), slice(2, 4))
    ]
    for key, value in whole.items():
        assert torch.allclose(torch.cat([part[key] for part in parts]), value, atol=1e-5), key


def test_a_bfloat16_module_has_float32_losses(start: Start, tmp_path: Path) -> None:
    teacher = str(tiny_embedder(tmp_path / "teacher", layers=2, seed=7))
    for options in ({"teacher": teacher}, {"variant": "st"}, {"variant": "ese", "widths": (8,)}):
        objective = made(start, **{**IN_BATCH, **options}).bfloat16()
        losses = objective(batch_of(objective))
        assert {value.dtype for value in losses.values()} == {torch.float32}
        losses["loss"].backward()


# -- the embedder: every size is served -----------------------------------------------------------------


def test_the_embedder_says_which_sizes_it_has(start: Start) -> None:
    settings = made(start).embedder().settings
    assert settings.pairs == GRID
    assert (settings.similarity, settings.normalize, settings.pooling) == ("cosine", True, "mean")
    assert made(start, pooling=None).embedder().settings.pooling == "mean"
    assert made(start, variant="mrl").embedder().settings.pairs == ((4, 8), (4, 16), (4, 32))
    ese = made(start, variant="ese", widths=(8,)).embedder().settings.pairs
    assert ese == tuple((n, d) for n in (1, 2, 3, 4) for d in (8, 32))


def test_every_way_of_reading_a_size_agrees(start: Start, tmp_path: Path) -> None:
    objective = made(start, **IN_BATCH)
    falls(objective, batch_of(objective), steps=3)
    embedder = Embedder.load(objective.embedder().eval().save(tmp_path / "whole"))
    assert embedder.settings.pairs == GRID
    api, _ = tiny_api(embedder)
    engine = Engine(embedder, "fp32")
    tokens = embedder.tokenize(QUERIES)
    with torch.no_grad():
        states = embedder.layer_states(**tokens)
    for n, d in GRID:
        pooled = embedder.pool(states[n - 1], tokens["attention_mask"])[:, :d]
        expected = nn.functional.normalize(pooled, dim=-1)
        cut = Embedder.load(embedder.cut(n, d).save(tmp_path / f"{n}x{d}"))
        assert len(layer_stack(cut.encoder)) == n  # the layers above are not there at all
        assert torch.allclose(cut.encode(QUERIES, dimensions=d), expected, atol=1e-5)
        assert torch.allclose(
            torch.tensor(engine.encode(QUERIES, layers=n, dimensions=d)), expected, atol=1e-5
        )
        status, answer, _ = post(api, "embeddings", input=QUERIES, layers=n, dimensions=d)
        assert status == 200
        served = torch.tensor([row["embedding"] for row in answer["data"]])
        assert torch.allclose(served, expected, atol=1e-4)


def test_a_shallow_request_does_not_run_the_layers_above(start: Start) -> None:
    embedder = made(start).embedder().eval()
    ran: list[int] = []
    for number, layer in enumerate(layer_stack(embedder.encoder), start=1):
        layer.register_forward_hook(lambda *_, number=number: ran.append(number))
    embedder.encode(QUERIES, layers=2, dimensions=8)
    assert ran == [1, 2]


def test_an_endpoint_reads_what_is_left_open_at_the_best_and_refuses_what_was_not_trained(
    start: Start,
) -> None:
    embedder = made(start).embedder().eval()
    api, _ = tiny_api(embedder)
    for asked, (layers, dimensions) in (
        ({"dimensions": 8}, (4, 8)),
        ({"layers": 2}, (2, 32)),
        ({}, (4, 32)),
    ):
        status, answer, _ = post(api, "embeddings", input=QUERIES, **asked)
        assert status == 200
        served = torch.tensor([row["embedding"] for row in answer["data"]])
        expected = embedder.encode(QUERIES, layers=layers, dimensions=dimensions)
        assert torch.allclose(served, expected, atol=1e-4), asked
    status, answer, _ = post(api, "embeddings", input=QUERIES, layers=2, dimensions=12)
    assert status == 400
    assert "(2, 8)" in answer["error"]["message"]


def test_the_catalogue_knows_it() -> None:
    assert find_objective("matryoshka-2d") is Matryoshka2d


def falls(objective: nn.Module, batch: Batch, steps: int = 60) -> float:
    """The loss after some steps on one batch, as a share of the loss before."""
    optimizer = torch.optim.Adam(objective.parameters(), lr=5e-3)
    history: list[float] = []
    for step in range(steps):
        torch.manual_seed(step)
        losses: Losses = objective(batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        objective.after_step(step)  # type: ignore[operator]
        history.append(losses["loss"].item())
    return history[-1] / history[0]
