"""Rows embedded under a template, or under several whose vectors are averaged."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.indexing.model import open_model
from embedworks.indexing.options import FoundModel, IndexOptions
from embedworks.indexing.plan import make_plan
from embedworks.transforms.templates import AND
from helpers.embedding import corpus_of, texts
from helpers.tiny import tiny_decoder

ROWS = texts(12)
PROMPTS = {
    "document": 'the {text} is in "',
    "metaeol": f'the {{text}} is in "{AND}a {{text}} is "',
}


@pytest.mark.parametrize("name", PROMPTS)
def test_rows_are_read_as_the_embedder_reads_them(name, tmp_path):
    embedder = tiny_decoder(prompts=PROMPTS, pooling="mean")
    model = FoundModel.of_folder(embedder.save(tmp_path / "m"))
    options = IndexOptions(prompt=name, precision="fp32")
    corpus = open_corpus(corpus_of(tmp_path / "corpus", ROWS))
    plan = make_plan(model, corpus, tmp_path / "index", options)
    opened = open_model(plan.work.reading)
    prepared = opened.prepare(ROWS)
    (found,) = opened.vectors(prepared)
    np.testing.assert_allclose(found, embedder.encode(ROWS, prompt=PROMPTS[name]), atol=1e-5)
    assert opened.cost(prepared) == sum(map(len, prepared))
