"""The form of sentence-transformers: what it opens as we do, and what it must not open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedworks.nn.instructions import Instructions
from helpers.tiny import tiny_decoder

TEXTS = ["the cat", "a bird and a fish sing in the river " * 3, "sort the list!", "tree " * 200]
PROMPT = Instructions().prompt("find the stone")


@pytest.mark.parametrize("prompt", ["", PROMPT], ids=["bare", "instructed"])
@pytest.mark.parametrize("pooling", ["mean", "last", "weighted-mean"])
def test_sentence_transformers_gives_the_same(tmp_path: Path, pooling, prompt):
    from sentence_transformers import SentenceTransformer

    embedder = tiny_decoder(instructions=Instructions(), pooling=pooling)
    embedder.attend("bidirectional")
    theirs = SentenceTransformer(str(embedder.save(tmp_path)), device="cpu", local_files_only=True)
    got = theirs.encode(TEXTS, prompt=prompt or None)
    np.testing.assert_allclose(got, embedder.encode(TEXTS, prompt=prompt).numpy(), atol=1e-5)


def test_sentence_transformers_does_not_open_a_pooler_that_it_does_not_know(tmp_path: Path):
    from sentence_transformers import SentenceTransformer

    folder = str(tiny_decoder(pooler={}).save(tmp_path))
    with pytest.raises(Exception, match=r"LatentPooler|load|argument"):
        SentenceTransformer(folder, device="cpu", local_files_only=True).encode(["stone"])
