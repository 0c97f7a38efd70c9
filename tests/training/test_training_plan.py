from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.buckets import Lengths, TokenBatches
from embedworks.corpora.shards import write_corpus
from embedworks.training.lengths import field_lengths
from embedworks.training.options import MixingOptions, PhaseOptions, TrainingOptions
from embedworks.training.plan import plan_batches
from embedworks.training.stream import CorpusInput, samples_of_ranks

ROWS = (100, 400)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> list[CorpusInput]:
    root = tmp_path_factory.mktemp("plan")
    for number, rows in enumerate(ROWS):
        schema = pa.schema([("n", pa.int64())])
        write_corpus(
            root / f"c{number}", {"train": ({"n": i} for i in range(rows))}, name="c", schema=schema
        )
    return [CorpusInput(root / f"c{number}") for number in range(len(ROWS))]


def given(corpora, **options):
    return plan_batches(corpora, TrainingOptions(batch_size=10, **options), seed=1).tally().given


def test_steps_are_shared_out_by_weight(corpora):
    assert given(corpora, steps=100) == (500, 500)
    heavy = [corpora[0], CorpusInput(corpora[1].folder, weight=3)]
    assert given(heavy, steps=100) == (250, 750)


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 0.2), (2.0, 1 / 3), (1e9, 0.5)])
def test_temperature_goes_from_sizes_to_equal_shares(corpora, temperature, share):
    first, _ = given(corpora, steps=600, mixing=MixingOptions(temperature=temperature))
    assert first == pytest.approx(6000 * share, abs=2)


def test_epochs_are_exact_for_each_corpus(corpora):
    often = [CorpusInput(corpora[0].folder, epochs=2), corpora[1]]
    plan = plan_batches(often, TrainingOptions(batch_size=10, epochs=1.5, last_batch="short"), seed=1)
    assert plan.tally().given == (300, 600)
    assert plan.tally().passes == (3.0, 1.5)


def test_a_curriculum_changes_weights_at_its_steps(corpora):
    phases = (PhaseOptions(step=0, weights=(1, 0)), PhaseOptions(step=20, weights=(0, 1)))
    for batches in ("mixed", "single-source"):
        plan = plan_batches(
            corpora,
            TrainingOptions(batch_size=10, steps=50, mixing=MixingOptions(batches=batches, phases=phases)),
            seed=1,
        )
        assert plan.tally(20).given == (200, 0)
        assert plan.tally().given == (200, 300)
        assert set(plan.batch(19).source.tolist()) == {0}
        assert set(plan.batch(20).source.tolist()) == {1}


def test_single_source_batches_with_a_token_budget(corpora, tmp_path):
    lengths = []
    for number, rows in enumerate(ROWS):
        np.save(tmp_path / f"{number}.npy", np.random.default_rng(number).integers(1, 60, (rows, 1)))
        lengths.append(Lengths(tmp_path / f"{number}.npy"))
    options = TrainingOptions(
        batch_tokens=500, epochs=1, last_batch="short", mixing=MixingOptions(batches="single-source")
    )
    plan = plan_batches(corpora, options, 1, lengths)
    assert all(isinstance(part, TokenBatches) for part in plan.plans)
    assert plan.tally().given == ROWS
    for step in range(plan.steps):
        assert len(set(plan.batch(step).source.tolist())) == 1


def test_ranks_share_a_batch_as_evenly_as_can_be():
    assert samples_of_ranks(7, 3) == (3, 2, 2)
    assert samples_of_ranks(6, 3) == (2, 2, 2)


def test_fields_are_as_long_as_their_tokens():
    rows = pa.table(
        {
            "query_ids": pa.array([[1, 2], [3]]),
            "negative_ids": pa.array([[[1], [1, 2, 3]], [[1, 2]]]),
            "score": pa.array([0.5, 1.0]),
        }
    )
    assert field_lengths(rows).tolist() == [[2, 6], [1, 2]]
