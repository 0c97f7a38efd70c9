"""Folders with an image tower on tasks of pictures; folders without one are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.shards import write_corpus
from embedworks.errors import InputError
from embedworks.evaluation.evaluate import evaluate_model
from embedworks.evaluation.space import DualSpace
from embedworks.evaluation.texts import task_texts
from helpers.pictures import picture, tiny_dual

TASKS = ("openmoji-retrieval", "openmoji-categories", "openmoji-neighbours")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("dual")
    tiny_dual(place)
    return place


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("pictures")
    schema = pa.schema([("image", pa.binary()), ("text", pa.string()), ("category", pa.string())])
    rows = {
        split: [
            {"image": picture(start + i), "text": f"t{i}", "category": "ab"[i % 2]} for i in range(count)
        ]
        for split, start, count in (("train", 0, 8), ("test", 100, 6))
    }
    write_corpus(place, rows, name="openmoji", schema=schema)
    return place


def test_every_task_and_pair_has_a_score_with_its_other_numbers(folder, corpus) -> None:
    scores = evaluate_model(folder, TASKS, [(4, 8), (4, 32)], {"openmoji": corpus}, "fp32")
    assert [(s.task, s.dimensions) for s in scores] == [(t, d) for t in TASKS for d in (8, 32)]
    assert [s.n for s in scores[::2]] == [12, 6, 6]
    assert set(scores[0].others) >= {"image_to_text_recall_at_1", "text_to_image_recall_at_10"}
    assert all(0 <= s.value <= 1 for s in scores)


def test_the_space_is_the_embedders_at_any_width(folder) -> None:
    from embedworks.dual import DualEmbedder

    dual = DualEmbedder.load(folder)
    space = DualSpace(dual, "fp32")
    files = [picture(0), picture(1), picture(0)]
    np.testing.assert_allclose(space.images(files), dual.encode_images(files).numpy(), atol=1e-5)
    space.dimensions = 8
    np.testing.assert_allclose(space.images(files), dual.encode_images(files, dimensions=8), atol=1e-5)
    np.testing.assert_allclose(space.texts(["a b"]), dual.encode(["a b"], dimensions=8), atol=1e-5)


def test_embedders_of_texts_and_shallow_pairs_are_refused(folder, corpus, tiny_folder) -> None:
    with pytest.raises(InputError, match="embeds texts alone"):
        evaluate_model(tiny_folder, TASKS[:1], None, {"openmoji": corpus}, "fp32")
    with pytest.raises(InputError, match="cannot read 2 layers"):
        evaluate_model(folder, TASKS[:1], [(2, 32)], {"openmoji": corpus}, "fp32")


def test_captions_are_kept_apart_from_training_and_class_names_are_not(corpus) -> None:
    assert list(task_texts(TASKS[0], lambda _: corpus)) == [f"t{i}" for i in range(6)]
    assert list(task_texts(TASKS[1], lambda _: corpus)) == []
