"""A whole corpus of pictures through an image tower."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.shards import write_corpus
from embedworks.errors import InputError
from embedworks.indexing.embed import embed_corpus, load_vectors
from helpers.pictures import picture, tiny_dual

pytestmark = pytest.mark.ray

FILES = [picture(seed) for seed in range(20)]


@pytest.fixture
def corpus(tmp_path):
    schema = pa.schema([("image", pa.binary()), ("name", pa.string())])
    rows = [{"image": data, "name": f"n{i}"} for i, data in enumerate(FILES)]
    write_corpus(tmp_path / "c", {"train": rows}, name="c", schema=schema)
    return tmp_path / "c"


def test_images_and_texts_of_a_corpus_come_to_the_embedders_vectors(ray_cluster, corpus, tmp_path):
    dual = tiny_dual(tmp_path / "dual")
    done = embed_corpus(
        tmp_path / "dual", corpus, "train", "image", tmp_path / "v", batch_rows=8, keep=["name"]
    )
    vectors, kept = load_vectors(done.vectors)
    assert kept["name"].to_pylist() == [f"n{i}" for i in range(20)]
    cosines = (vectors * dual.encode_images(FILES).numpy()).sum(1)
    np.testing.assert_allclose(cosines, 1, atol=0.01)  # bfloat16 where the hardware has it


def test_images_are_refused_by_an_embedder_of_texts_and_at_some_layers(corpus, tmp_path, tiny_folder):
    tiny_dual(tmp_path / "dual")
    with pytest.raises(InputError, match="embeds texts alone"):
        embed_corpus(tiny_folder, corpus, "train", "image", tmp_path / "v")
    with pytest.raises(InputError, match="layers=2"):
        embed_corpus(tmp_path / "dual", corpus, "train", "image", tmp_path / "v", layers=2)
