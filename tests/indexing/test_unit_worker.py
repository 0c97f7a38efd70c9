"""One unit, without Ray: the embedder's own vectors, in order, once, and copied where they are known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.shards import write_corpus
from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.indexing import worker as worker_module
from embedworks.indexing.content import content_keys
from embedworks.indexing.options import FoundModel, IndexOptions
from embedworks.indexing.pieces import open_pieces
from embedworks.indexing.plan import make_plan
from embedworks.indexing.pool import embed_here
from embedworks.indexing.record import load_record
from embedworks.indexing.units import Unit
from embedworks.indexing.worker import UnitWorker, ahead
from embedworks.vectors.store import open_store
from helpers.embedding import corpus_of, texts, vectors_of
from helpers.pictures import picture, tiny_dual
from helpers.tiny import tiny_embedder

TEXTS = texts(150)


def plan_of(model, corpus, tmp_path, **options):
    return make_plan(
        FoundModel.of_folder(model),
        open_corpus(corpus),
        tmp_path / "index",
        IndexOptions(**options),
        max_rows=64,
    )


def table_of(plan) -> pa.Table:
    records = list(embed_here(plan.work, plan.units))
    pieces = open_pieces(plan.work.folder, plan.work.format)
    pieces.commit([record.stored for record in records], plan.work.schema)
    return open_store(plan.work.folder).take(np.arange(plan.record.rows), plan.work.schema.names)


@pytest.fixture
def corpus(tmp_path):
    return corpus_of(tmp_path / "corpus", TEXTS)


@pytest.mark.parametrize("kind", ["lance", "parquet"])
def test_rows_get_the_embedders_vectors_in_order(kind, corpus, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(worker_module, "BLOCK_ROWS", 50)
    plan = plan_of(tiny_folder, corpus, tmp_path, keep=("heading=title",), precision="fp32", format=kind)
    table = table_of(plan)
    assert table.column_names == ["id", "key", "text", "heading", "vector"]
    assert table["id"].to_pylist() == list(range(150))
    assert table["text"].to_pylist() == TEXTS
    assert table["heading"].to_pylist() == [f"row {row}" for row in range(150)]
    assert table["key"].to_pylist() == [key.ljust(16, b"\0") for key in content_keys(TEXTS).tolist()]
    expected = Embedder.load(tiny_folder).encode(TEXTS).numpy()
    np.testing.assert_allclose(vectors_of(table), expected, atol=1e-5)


def test_several_sizes_are_those_of_the_embedder(corpus, tiny_folder, tmp_path):
    sizes = ((2, 16), (4, 32), (2, 8))
    plan = plan_of(tiny_folder, corpus, tmp_path, sizes=sizes, precision="fp32")
    table = table_of(plan)
    embedder = Embedder.load(tiny_folder)
    for layers, dimensions in sizes:
        name = "vector" if (layers, dimensions) == (4, 32) else f"vector_{layers}x{dimensions}"
        expected = embedder.encode(TEXTS, layers=layers, dimensions=dimensions).numpy()
        np.testing.assert_allclose(vectors_of(table, name), expected, atol=1e-5)


def test_a_text_that_occurs_often_is_computed_once(tiny_folder, tmp_path):
    corpus = corpus_of(tmp_path / "same", ["red bird", "sun", "red bird", "red bird"])
    plan = plan_of(tiny_folder, corpus, tmp_path)
    [record] = embed_here(plan.work, plan.units)
    model = UnitWorker(plan.work).model
    assert record.tokens == model.cost(model.prepare(["red bird", "sun"])) == 7  # two [CLS] and [SEP]


def test_a_unit_with_a_record_is_not_done_again_unless_its_rows_are_gone(corpus, tiny_folder, tmp_path):
    plan = plan_of(tiny_folder, corpus, tmp_path)
    one = UnitWorker(plan.work)
    done = one.embed(plan.units[0])
    one.model = None  # nothing may be computed
    assert one.embed(plan.units[0]) == done
    assert load_record(plan.work.folder, Unit(0, 0, 63), one.pieces) is None
    for file in (plan.work.folder / "vectors.lance" / "data").iterdir():
        file.unlink()
    assert load_record(plan.work.folder, plan.units[0], one.pieces) is None


def test_the_prompt_of_documents_stands_in_front_of_every_text(corpus, tiny_folder, tmp_path):
    folder = tmp_path / "prompted"
    embedder = Embedder.load(tiny_folder)
    embedder.settings = embedder.settings.model_copy(update={"prompts": {"document": "the "}})
    embedder.save(folder)
    plan = plan_of(folder, corpus, tmp_path, precision="fp32")
    assert (
        plan.record.prompt == plan_of(folder, corpus, tmp_path, prompt="document").record.prompt == "the "
    )
    assert plan_of(folder, corpus, tmp_path, prompt="").record.prompt == ""
    expected = embedder.encode(TEXTS, prompt="the ").numpy()
    np.testing.assert_allclose(vectors_of(table_of(plan)), expected, atol=1e-5)


def test_a_missing_text_is_an_empty_one_and_a_missing_picture_an_error(tiny_folder, tmp_path):
    schema = pa.schema([("text", pa.string()), ("image", pa.binary())])
    rows = [{"text": "sun", "image": picture(0)}, {"text": None, "image": None}]
    write_corpus(tmp_path / "c", {"train": rows}, name="c", schema=schema)
    table = table_of(plan_of(tiny_folder, tmp_path / "c", tmp_path, precision="fp32"))
    expected = Embedder.load(tiny_folder).encode(["sun", ""]).numpy()
    np.testing.assert_allclose(vectors_of(table), expected, atol=1e-5)
    tiny_dual(tmp_path / "dual")
    plan = plan_of(tmp_path / "dual", tmp_path / "c", tmp_path, column="image")
    with pytest.raises(InputError, match="row 1 of split 'train' has no picture"):
        list(embed_here(plan.work, plan.units))


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_a_row_of_several_texts_has_the_mean_of_their_vectors(similarity, tmp_path):
    raw = tiny_embedder(tmp_path / "model", similarity=similarity, normalize=similarity == "cosine")
    schema = pa.schema([("senses", pa.list_(pa.string())), ("word", pa.string())])
    senses = [["the red bird", "old sun"], ["tree"], [], ["the red bird", "old sun"], None, ["sun", None]]
    rows = [{"senses": texts, "word": f"w{place}"} for place, texts in enumerate(senses)]
    write_corpus(tmp_path / "c", {"train": rows}, name="c", schema=schema)
    sizes = ((4, 32), (2, 8))
    plan = plan_of(
        raw, tmp_path / "c", tmp_path, column="senses", keep=("word",), sizes=sizes, precision="fp32"
    )
    table = table_of(plan)
    assert table["senses"].to_pylist()[0] == senses[0]
    embedder = Embedder.load(raw)
    embedder.settings = embedder.settings.model_copy(update={"normalize": False})
    for (layers, dimensions), name in zip(sizes, ("vector", "vector_2x8"), strict=True):
        texts = ["the red bird", "old sun", "tree", "", "sun"]
        found = dict(zip(texts, embedder.encode(texts, layers=layers).numpy(), strict=True))
        mean = (found["the red bird"] + found["old sun"]) / 2
        half = (found["sun"] + found[""]) / 2
        right = np.stack([mean, found["tree"], found[""], mean, found[""], half])[:, :dimensions]
        if similarity == "cosine":
            right = right / np.linalg.norm(right, axis=1, keepdims=True)
        np.testing.assert_allclose(vectors_of(table, name), right, atol=1e-5)


def test_rows_of_the_same_texts_in_the_same_order_are_one_content():
    keys = content_keys([["a", "b"], ["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""]]).tolist()
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_pictures_come_to_the_image_towers_vectors(tmp_path):
    files = [picture(seed) for seed in range(20)]
    schema = pa.schema([("image", pa.binary()), ("name", pa.string())])
    rows = [{"image": data, "name": f"n{i}"} for i, data in enumerate(files)]
    write_corpus(tmp_path / "c", {"train": rows}, name="c", schema=schema)
    dual = tiny_dual(tmp_path / "dual")
    plan = plan_of(tmp_path / "dual", tmp_path / "c", tmp_path, column="image", keep=("name",))
    table = table_of(plan)
    assert table.column_names == ["id", "key", "name", "vector"]
    cosines = (vectors_of(table) * dual.encode_images(files).numpy()).sum(1)
    np.testing.assert_allclose(cosines, 1, atol=0.01)  # bfloat16 where the hardware has it


def test_what_is_made_ahead_comes_in_order_and_with_its_error():
    def items():
        yield from range(3)
        raise InputError("the fourth is broken")

    found = []
    with pytest.raises(InputError, match="the fourth is broken"):
        found.extend(ahead(items()))
    assert list(ahead(iter(range(5)))) == list(range(5))
