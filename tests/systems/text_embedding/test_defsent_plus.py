"""The checks of DefSent+ (arXiv 2405.16153), on tiny models and a dictionary of a few entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from sentence_transformers import SentenceTransformer

from embedworks.catalog import find_objective
from embedworks.corpora.shards import write_corpus
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.engine import Engine
from embedworks.objective import Start
from embedworks.serving.asgi import Api
from embedworks.serving.gate import Gate
from embedworks.serving.searching.deployment import LocalIndex
from embedworks.serving.tasks import find_tasks
from embedworks.systems.text_embedding import defsent_plus
from embedworks.systems.text_embedding.defsent_plus import (
    DefSent,
    DefSentMlm,
    DefSentPlus,
    collect,
    token_of,
)
from embedworks.transforms.labelled_pairs import LabelledTexts
from embedworks.transforms.transform import EPOCH, SAMPLE
from helpers.asgi import call
from helpers.embedding import embed_texts
from helpers.searching import index_room
from helpers.tiny import tiny_embedder, tiny_tokenizer

# All but "ice cream" are tokens of the tiny model.
DICTIONARY = {
    "bird": ["to sing in the tree", "a bird is red or blue"],
    "fish": ["to swim in the river"],
    "stone": ["old and grey", "to fall in the river"],
    "ice cream": ["cold and sweet, red or green", "a text to read in the sun"],
    "tree": ["to grow old in the sun"],
    "moon": ["the old sun of the cat"],
}
ROWS = [{"headword": word, "definitions": texts} for word, texts in DICTIONARY.items()]
WIDTH = 16


def config(**keys: Any) -> DefSentPlus.Config:
    return DefSentPlus.Config(**{"length": 24, **keys})


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return tiny_embedder(tmp_path_factory.mktemp("base") / "base", layers=2, width=WIDTH)


def prepared(base: Path, folder: Path, teacher: Path | None = None, cls=DefSentPlus, **keys: Any):
    """The objective, its config and its start, prepared from the dictionary."""
    cfg = cls.Config(**{"length": 24, **keys})
    start = Start(base=base, teacher=teacher, seed=4)
    folder.mkdir()
    cls.prepare(cfg, start, lambda: iter(ROWS), folder)
    start = Start(base=base, teacher=teacher, seed=4, artifacts=folder)
    return cls(cfg, start), cfg, start


def batch_of(cls, cfg, start, rows: int = 9) -> dict[str, torch.Tensor]:
    transform = cls.transform(cfg, start)
    places = range(rows)
    epochs, samples = ([place // len(ROWS) for place in places], [place % len(ROWS) for place in places])
    return transform.collate(transform(pa.table({EPOCH: pa.array(epochs), SAMPLE: pa.array(samples)})))


def train(objective, batch, steps: int = 60, rate: float = 5e-3) -> list[float]:
    optimizer = torch.optim.Adam(objective.parameters(), lr=rate)
    history = []
    for _ in range(steps):
        loss = objective(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return history


# -- the dictionary ------------------------------------------------------------------------------------


def test_a_masked_headword_is_read_as_the_mask(base, tmp_path):
    _, cfg, start = prepared(base, tmp_path / "a")
    batch = batch_of(DefSentPlus, cfg, start)
    mask, bird = (tiny_tokenizer().convert_tokens_to_ids(token) for token in ("[MASK]", "bird"))
    assert int((batch["input_ids"] == mask).sum()) == 1  # "a bird is red or blue"
    assert not bool((batch["input_ids"] == bird).any())


def test_entries_are_chosen_by_hash_and_not_by_their_letters(base):
    few = collect(ROWS, config(entries=4), Start(base=base))
    assert len(few.names) == 4
    assert few.names == tuple(sorted(few.names)) != tuple(sorted(DICTIONARY))[:4]
    assert few.names == collect(reversed(ROWS), config(entries=4), Start(base=base)).names


def test_several_words_are_an_entry_but_no_token(base):
    start = Start(base=base)
    assert "ice cream" in collect(ROWS, config(), start).names
    single = collect(ROWS, config(single_token=True), start)
    assert single.names == ("bird", "fish", "moon", "stone", "tree")
    assert "a text to read in the sun" not in single.texts
    assert token_of("ice cream", start.tokenizer) is None
    assert token_of("☃", start.tokenizer) is None  # unknown
    with pytest.raises(InputError, match="1 entries to train on; expected two or more"):
        collect(ROWS[3:4], config(), start)


# -- the table -----------------------------------------------------------------------------------------


def test_an_entry_is_the_raw_mean_of_its_definitions(base, tmp_path):
    objective, *_ = prepared(base, tmp_path / "a", headword="keep")
    names = LabelledTexts.load(tmp_path / "a" / defsent_plus.TEXTS).names
    assert names == tuple(sorted(DICTIONARY))
    g = Embedder.load(base)
    g.settings = g.settings.model_copy(update={"pooling": "mean", "normalize": False})
    for name, row in zip(names, objective.table(), strict=True):
        right = g.encode(DICTIONARY[name]).mean(0)
        assert torch.allclose(row, right, atol=0.02), name  # bf16 where the hardware has it
    assert objective.numbers["entries"] == 6
    assert objective.numbers["definitions"] == 9
    assert objective.diagnostics()["table/mean_cosine"] > 0.1


def test_the_table_reads_as_much_of_a_definition_as_training_does(base, tmp_path):
    cut, *_ = prepared(base, tmp_path / "a", length=5)  # [CLS], three words, [SEP]
    g = Embedder.load(base)
    g.settings = g.settings.model_copy(update={"pooling": "mean", "normalize": False})
    fish = sorted(DICTIONARY).index("fish")
    assert torch.allclose(cut.table()[fish], g.encode(["to swim in"])[0], atol=0.02)
    assert not torch.allclose(cut.table()[fish], g.encode(DICTIONARY["fish"])[0], atol=0.02)


def test_the_teacher_makes_the_table_and_the_base_is_trained(base, tmp_path):
    teacher = tiny_embedder(tmp_path / "teacher", layers=3, width=WIDTH, seed=7)
    alone, *_ = prepared(base, tmp_path / "a")
    taught, *_ = prepared(base, tmp_path / "b", teacher)
    own, *_ = prepared(teacher, tmp_path / "c")
    assert torch.equal(taught.table(), own.table())
    assert not torch.allclose(taught.table(), alone.table(), atol=0.05)
    assert taught.embedder().num_layers == 2
    wide = tiny_embedder(tmp_path / "wide", layers=1, width=32)
    with pytest.raises(InputError, match="32 dimensions; expected 16"):
        prepared(base, tmp_path / "d", wide)


def test_entries_may_be_pooled_otherwise_than_definitions(base, tmp_path):
    both, *_ = prepared(base, tmp_path / "a", pooling="cls")
    mixed, *_ = prepared(base, tmp_path / "b", pooling="mean", entry_pooling="cls")
    assert torch.equal(both.table(), mixed.table())
    assert mixed.embedder().settings.pooling == "mean"


@pytest.mark.parametrize("how", ["center", "standardise", "whiten"])
def test_a_table_is_changed_before_the_round(base, tmp_path, how):
    raw, *_ = prepared(base, tmp_path / "a", similarity="cosine")
    changed, *_ = prepared(base, tmp_path / "b", similarity="cosine", preprocess=how)
    assert torch.allclose(changed.table().norm(dim=1), torch.ones(6), atol=1e-5)
    assert not torch.allclose(changed.table(), raw.table(), atol=0.05)
    numbers = changed.diagnostics()
    assert numbers["table/mean_cosine"] == raw.diagnostics()["table/mean_cosine"]
    assert numbers[f"{how}/mean_cosine"] < numbers["table/mean_cosine"]


def test_held_out_entries_are_not_in_the_table(base, tmp_path):
    _, _, start = prepared(base, tmp_path / "a")
    names = LabelledTexts.load(tmp_path / "a" / defsent_plus.TEXTS).names
    start = Start(base=base)
    (tmp_path / "b").mkdir()
    DefSentPlus.prepare(config(), start, lambda: iter(ROWS[:4]), tmp_path / "b")  # the train split's rows
    kept = LabelledTexts.load(tmp_path / "b" / defsent_plus.TEXTS)
    assert set(names) - set(kept.names) == {"tree", "moon"}
    assert np.load(tmp_path / "b" / defsent_plus.TABLE).shape == (4, WIDTH)
    assert not set(DICTIONARY["moon"]) & set(kept.texts)


def test_two_preparations_are_equal_to_the_bit(base, tmp_path):
    for name in ("a", "b"):
        prepared(base, tmp_path / name)
    for file in (defsent_plus.TABLE, defsent_plus.TEXTS, defsent_plus.REPORT):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


# -- the loss ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_the_loss_is_the_cross_entropy_over_all_entries(base, tmp_path, similarity):
    objective, cfg, start = prepared(base, tmp_path / "a", similarity=similarity)
    batch = batch_of(DefSentPlus, cfg, start)
    found = objective(batch)
    f = objective.vectors(batch["input_ids"], batch["attention_mask"]).detach().double().numpy()
    table, labels = objective.table().double().numpy(), batch["label"].numpy()
    scores = f @ table.T / {"dot": 1.0, "cosine": 0.05}[similarity]
    losses = np.log(np.exp(scores).sum(1)) - scores[range(len(f)), labels]
    assert found["loss"].item() == pytest.approx(losses.mean(), rel=1e-5)
    assert found["hits"].item() == pytest.approx((scores.argmax(1) == labels).mean())
    norms = np.linalg.norm(np.concatenate([f, table]), axis=1)
    assert (np.abs(norms - 1).max() < 1e-4) == (similarity == "cosine")
    settings = objective.embedder().settings
    assert (settings.similarity, settings.normalize) == (similarity, similarity == "cosine")


@pytest.mark.parametrize(("head", "activation"), [("tanh", np.tanh), ("gelu", None)])
def test_the_head_is_that_of_the_released_code(base, tmp_path, head, activation):
    """github.com/ryuliuxiaodong/DefSent-Plus, TrainEncoder.py: a matrix, no bias, on ``act(W f + b)``."""
    from scipy.special import ndtr  # GELU(x) is x times the normal distribution up to x

    objective, cfg, start = prepared(base, tmp_path / "a", head=head)
    batch = batch_of(DefSentPlus, cfg, start)
    weight, bias = (value.detach().double().numpy() for value in objective.head.parameters())
    plain, *_ = prepared(base, tmp_path / "b")
    f = plain.vectors(batch["input_ids"], batch["attention_mask"]).detach().double().numpy()
    inner = f @ weight.T + bias
    scores = (activation or (lambda x: x * ndtr(x)))(inner) @ objective.table().double().numpy().T
    losses = np.log(np.exp(scores).sum(1)) - scores[range(len(f)), batch["label"].numpy()]
    assert objective(batch)["loss"].item() == pytest.approx(losses.mean(), rel=1e-4)
    names = {name for name, _ in objective.embedder().named_parameters()}
    assert not any("head" in name for name in names)
    again, *_ = prepared(base, tmp_path / "c", head=head)
    assert torch.equal(again.head[0].weight, objective.head[0].weight)


def test_a_sample_of_entries_can_stand_for_all(base, tmp_path):
    objective, cfg, start = prepared(base, tmp_path / "a", sampled=3)
    batch = batch_of(DefSentPlus, cfg, start)
    torch.manual_seed(0)
    losses = {round(objective(batch)["loss"].item(), 4) for _ in range(20)}
    assert len(losses) > 3
    enough, *_ = prepared(base, tmp_path / "b", sampled=5)
    full, *_ = prepared(base, tmp_path / "c")
    assert torch.equal(enough(batch)["loss"], full(batch)["loss"])


# -- a round -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [{}, {"similarity": "cosine", "preprocess": "whiten"}, {"head": "tanh"}])
def test_a_round_learns_and_the_table_stays_as_it_is(base, tmp_path, keys):
    objective, cfg, start = prepared(base, tmp_path / "a", **keys)
    assert not any("table" in name or "classes" in name for name, _ in objective.named_parameters())
    assert not any("table" in name for name in objective.state_dict())
    before = objective.table().clone()
    batch = batch_of(DefSentPlus, cfg, start)
    history = train(objective, batch, 120)
    assert history[-1] < 0.3 * history[0]
    assert objective(batch)["hits"].item() == 1
    assert torch.equal(objective.table(), before)
    assert objective.table().grad is None


def test_the_gradient_equals_differences(base, tmp_path):
    objective, cfg, start = prepared(base, tmp_path / "a", similarity="cosine", temperature=0.5)
    batch = batch_of(DefSentPlus, cfg, start)
    objective(batch)["loss"].backward()
    weight = objective.embedder_.encoder.encoder.layer[1].output.dense.weight
    direction = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        weight += 1e-2 * direction
        above = objective(batch)["loss"].item()
        weight -= 2e-2 * direction
        below = objective(batch)["loss"].item()
    slope = float((weight.grad * direction).sum())
    assert slope == pytest.approx((above - below) / 2e-2, rel=0.02, abs=1e-3)


def test_the_precision_of_the_model_is_not_that_of_the_table(base, tmp_path):
    objective, cfg, start = prepared(base, tmp_path / "a")
    before = objective.table().clone()
    objective.to(torch.bfloat16)
    assert objective.embedder_.encoder.embeddings.word_embeddings.weight.dtype == torch.bfloat16
    assert torch.equal(objective.table(), before)
    assert objective(batch_of(DefSentPlus, cfg, start))["loss"].dtype == torch.float32


def test_rounds_follow_each_other_through_folders(base, tmp_path):
    first, cfg, start = prepared(base, tmp_path / "a", similarity="cosine")
    train(first, batch_of(DefSentPlus, cfg, start), 30)
    folder = first.embedder().save(tmp_path / "round-1")
    second, *_ = prepared(base, tmp_path / "b", folder, similarity="cosine")
    assert second.numbers["table/mean_cosine"] < first.numbers["table/mean_cosine"]
    fresh = Embedder.load(base).encoder.state_dict()
    assert all(
        torch.equal(value, fresh[key]) for key, value in second.embedder_.encoder.state_dict().items()
    )


def test_the_embedder_is_one_folder_for_every_reader(base, tmp_path):
    texts = [text for texts in DICTIONARY.values() for text in texts]
    for number, keys in enumerate(({"similarity": "cosine"}, {"pooling": "cls", "head": "gelu"})):
        objective, cfg, start = prepared(base, tmp_path / f"a{number}", **keys)
        train(objective, batch_of(DefSentPlus, cfg, start), 3)
        model = objective.embedder().eval()
        folder = model.save(tmp_path / f"model{number}")
        vectors = model.encode(texts)
        assert torch.equal(Embedder.load(folder).encode(texts), vectors)
        assert np.allclose(Engine(Embedder.load(folder), "fp32").encode(texts), vectors, atol=1e-4)
        other = SentenceTransformer(str(folder), device="cpu").encode(texts)
        assert np.allclose(other, vectors, atol=1e-4)


# -- the baseline --------------------------------------------------------------------------------------


def test_defsent_predicts_tokens_of_the_whole_vocabulary(base, tmp_path):
    objective, cfg, start = prepared(base, tmp_path / "a", cls=DefSent)
    tokenizer = tiny_tokenizer()
    embeddings = Embedder.load(base).encoder.get_input_embeddings().weight
    assert torch.equal(objective.table(), embeddings)
    names = LabelledTexts.load(tmp_path / "a" / defsent_plus.TEXTS).names
    assert "ice cream" not in names
    assert tokenizer.convert_ids_to_tokens(objective.classes().tolist()) == list(names)
    batch = batch_of(DefSent, cfg, start)
    f = objective.vectors(batch["input_ids"], batch["attention_mask"])
    tokens = torch.tensor(tokenizer.convert_tokens_to_ids([names[label] for label in batch["label"]]))
    right = torch.nn.functional.cross_entropy(f @ embeddings.T, tokens)
    assert objective(batch)["loss"].item() == pytest.approx(right.item(), rel=1e-5)


def test_defsent_freezes_its_table_and_trains_the_encoder(base, tmp_path):
    objective, cfg, start = prepared(base, tmp_path / "a", cls=DefSent)
    before = objective.table().clone()
    history = train(objective, batch_of(DefSent, cfg, start), 120)
    assert history[-1] < 0.3 * history[0]
    assert torch.equal(objective.table(), before)
    assert not torch.equal(objective.embedder_.encoder.get_input_embeddings().weight, before)
    with pytest.raises(ValueError, match="single_token"):
        DefSent.Config(single_token=False)


# -- the language model --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def language(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mlm")
    DefSentMlm.prepare(mlm_config(), Start(), lambda: iter(mlm_rows()), folder)
    return folder


def mlm_config(**keys: Any) -> DefSentMlm.Config:
    sizes = {
        "layers": 2,
        "width": 24,
        "heads": 2,
        "pieces": 300,
        "headwords": 4,
        "length": 24,
        "max_length": 32,
    }
    return DefSentMlm.Config(**sizes | keys)


def mlm_rows() -> Iterator[dict[str, Any]]:
    for word, texts in DICTIONARY.items():
        yield from ({"text": text, "headword": word} for text in [*texts, f"about a waterfall and {word}"])
    yield {"text": "", "headword": "waterfall"}


def test_frequent_headwords_of_one_word_are_tokens(language):
    tokenizer = Start(artifacts=language).tokenizer
    assert all(token_of(word, tokenizer) is not None for word in ("waterfall", "bird"))
    assert token_of("ice cream", tokenizer) is None


def test_the_language_model_learns_with_its_embeddings_as_the_only_head(language):
    cfg, start = mlm_config(ratio=0.3), Start(seed=3, artifacts=language)
    objective = DefSentMlm(cfg, start)
    assert {name.split(".")[0] for name, _ in objective.named_parameters()} == {"embedder_"}
    transform = DefSentMlm.transform(cfg, start)
    rows = pa.table({"text": [row["text"] for row in mlm_rows() if row["text"]]})
    keys = {EPOCH: pa.array([0] * len(rows)), SAMPLE: pa.array(range(len(rows)))}
    batch = transform.collate(
        transform(rows.append_column(EPOCH, keys[EPOCH]).append_column(SAMPLE, keys[SAMPLE]))
    )
    found = objective.eval()(batch)
    labels = batch["encoder_labels"]
    states = objective.embedder_.layer_states(batch["encoder_ids"], batch["attention_mask"])[-1]
    table = objective.embedder_.encoder.get_input_embeddings().weight
    right = torch.nn.functional.cross_entropy((states @ table.T).flatten(0, 1), labels.flatten())
    assert found["loss"].item() == pytest.approx(right.item(), rel=1e-4)
    history = train(objective.train(), batch, 80, 1e-2)
    assert history[-1] < 0.4 * history[0]
    assert objective.eval()(batch)["accuracy"].item() > 0.5


def test_the_language_model_is_where_a_round_starts(language, tmp_path):
    objective = DefSentMlm(mlm_config(), Start(seed=3, artifacts=language))
    twin = DefSentMlm(mlm_config(), Start(seed=3, artifacts=language))
    weights = [next(one.parameters()) for one in (objective, twin)]
    assert torch.equal(*weights)
    folder = objective.embedder().save(tmp_path / "lm")
    assert Embedder.load(folder).settings.pooling == "mean"
    taught, cfg, start = prepared(folder, tmp_path / "a", length=24)
    assert taught(batch_of(DefSentPlus, cfg, start))["loss"].isfinite()
    further = DefSentMlm(mlm_config(), Start(base=folder))
    assert torch.equal(next(further.parameters()), weights[0])
    with pytest.raises(ValueError, match="divisible"):
        mlm_config(width=25)


# -- what is served ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api(base, tmp_path_factory) -> Iterator[Api]:
    root = tmp_path_factory.mktemp("index")
    schema = pa.schema([("headword", pa.string()), ("definitions", pa.list_(pa.string()))])
    homograph = {"headword": "bird", "definitions": ["to read a map"]}
    write_corpus(root / "c", {"train": [*ROWS, homograph]}, name="c", schema=schema)
    embed_texts(
        base, root / "c", root / "dictionary", column="definitions", keep=("headword",), precision="fp32"
    )
    room = index_room(type("Index", (), {"path": root / "dictionary"}), "dictionary")
    api = Api({}, Gate(), find_tasks(["defsent-plus"]), {"dictionary": LocalIndex(room)})
    yield api
    room.close()


def reverse(api: Api, **fields: Any) -> tuple[int, Any]:
    body = json.dumps({"index": "dictionary", **fields}).encode()
    return call(api, "POST", "/v1/tasks/reverse-dictionary", body)[:2]


def test_a_definition_finds_its_entry_first(api, base):
    status, body = reverse(api, definition=["to swim in the river", "to read a map"], k=3)
    assert status == 200
    assert [found["index"] for found in body["data"]] == [0, 1]
    fish, bird = (found["entries"] for found in body["data"])
    assert (fish[0]["entry"], fish[0]["definitions"]) == ("fish", DICTIONARY["fish"])
    assert fish[0]["score"] == pytest.approx(1, abs=1e-4)
    assert (bird[0]["entry"], bird[0]["definitions"]) == ("bird", ["to read a map"])
    assert [entry["entry"] for entry in bird].count("bird") == 1
    assert len(fish) == len(bird) == 3
    assert body["usage"]["total_tokens"] == 13
    assert body["model"] == str(base)


def test_the_order_is_that_of_the_entries_vectors(api, base):
    model, query = Embedder.load(base), "a red bird of the river"
    raw = model.settings.model_copy(update={"normalize": False})
    model.settings = raw
    means = {word: model.encode(texts).mean(0) for word, texts in [*DICTIONARY.items()]}
    cosines = {
        word: float(torch.cosine_similarity(mean, model.encode([query])[0], dim=0))
        for word, mean in means.items()
    }
    body = reverse(api, definition=query, k=6)[1]
    found = {entry["entry"]: entry["score"] for entry in body["data"][0]["entries"]}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    for word in DICTIONARY.keys() - {"bird"}:  # of which there are two rows
        assert found[word] == pytest.approx(cosines[word], abs=1e-4)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"definition": ""}, "definition"),
        ({"definition": "x", "k": 0}, "k"),
        ({"definition": "x", "n": 1}, "n"),
    ],
)
def test_a_wrong_request_names_its_field(api, fields, param):
    status, body = reverse(api, **fields)
    assert status == 400
    assert body["error"]["param"] == param


def test_the_catalogue_knows_all_three():
    found = [find_objective(f"defsent-plus{variant}") for variant in ("", "/defsent", "/mlm")]
    assert found == [DefSentPlus, DefSent, DefSentMlm]
