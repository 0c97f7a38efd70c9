"""The probe: evenly from every corpus, the same whenever it is read, and its loss."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.losses.contrastive import info_nce
from embedworks.merging.statistics.probe import Probe, ProbeCorpus, anchor_losses, probe_loss
from helpers.pairs import pair_corpus


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    root = tmp_path_factory.mktemp("probe")
    return pair_corpus(root / "many", 96), pair_corpus(root / "few", 12)


@pytest.fixture
def probe(corpora):
    return Probe(tuple(ProbeCorpus(one) for one in corpora), samples=20, batch_size=4, positive_length=16)


def test_every_corpus_gives_as_many_samples(probe, tiny_folder):
    batches = list(probe.batches(Embedder.load(tiny_folder)))
    assert [len(batch["query_ids"]) for batch in batches] == [5, 5, 5, 5]


def test_a_small_corpus_gives_what_it_has_and_no_row_stands_alone(corpora, tiny_folder):
    probe = Probe((ProbeCorpus(corpora[1], limit=9),), samples=100, batch_size=4)
    batches = list(probe.batches(Embedder.load(tiny_folder)))
    assert [len(batch["query_ids"]) for batch in batches] == [5, 4]


def test_rows_that_are_skipped_are_never_chosen(corpora, tiny_folder):
    embedder = Embedder.load(tiny_folder)
    whole, end = (
        Probe((ProbeCorpus(corpora[1], skip=skip),), samples=100, batch_size=20) for skip in (0, 5)
    )
    rows = [next(iter(probe.batches(embedder)))["query_ids"].tolist() for probe in (whole, end)]
    texts = [{tuple(row) for row in found} for found in rows]
    assert (len(texts[0]), len(texts[1])) == (12, 7)
    first = Probe((ProbeCorpus(corpora[1], limit=5),), samples=100, batch_size=20)
    assert not texts[1] & {tuple(row) for row in next(iter(first.batches(embedder)))["query_ids"].tolist()}


def test_the_samples_and_the_digest_follow_from_the_seed(probe, tiny_folder):
    embedder = Embedder.load(tiny_folder)
    first, again = (next(iter(probe.batches(embedder)))["query_ids"] for _ in range(2))
    other = dataclasses.replace(probe, seed=1)
    assert torch.equal(first, again)
    assert not torch.equal(first, next(iter(other.batches(embedder)))["query_ids"])
    assert probe.digest == dataclasses.replace(probe).digest != other.digest


def test_the_digest_is_of_rows_not_of_where_they_are(corpora, tmp_path):
    copy = pair_corpus(tmp_path / "many", 96)
    digests = {Probe((ProbeCorpus(folder),)).digest for folder in (corpora[0], copy)}
    assert len(digests) == 1
    assert Probe((ProbeCorpus(corpora[0], split="test"),)).digest not in digests


def test_the_loss_is_the_mean_of_the_anchors_contrastive_losses(probe, tiny_folder):
    embedder = Embedder.load(tiny_folder)
    batch = next(iter(probe.batches(embedder)))
    with torch.no_grad():
        losses_B = anchor_losses(embedder, batch, 0.1)
        query, candidate = (embedder(batch[f"{s}_ids"], batch[f"{s}_mask"]) for s in ("query", "candidate"))
    together = info_nce(query, candidate, torch.arange(len(query)), 0.1, "cosine")
    assert torch.allclose(losses_B.mean(), together, atol=1e-6)
    single = Probe(probe.corpora[:1], samples=4, batch_size=4, temperature=0.1, positive_length=16)
    (only,) = single.batches(embedder)
    with torch.no_grad():
        wanted = float(anchor_losses(embedder, only, 0.1).mean())
    assert probe_loss(tiny_folder, single) == pytest.approx(wanted, abs=1e-6)


def test_a_missing_column_is_named_with_the_nearest(corpora, tiny_folder):
    probe = Probe((ProbeCorpus(corpora[0], columns=(("positive", "posit"),)),))
    with pytest.raises(InputError, match="did you mean 'positive'"):
        next(probe.batches(Embedder.load(tiny_folder)))


def test_a_corpus_of_one_row_is_refused(corpora, tiny_folder):
    probe = Probe((ProbeCorpus(corpora[0], limit=1),))
    with pytest.raises(InputError, match="has 1 rows"):
        next(probe.batches(Embedder.load(tiny_folder)))
