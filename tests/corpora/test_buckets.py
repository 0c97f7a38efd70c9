from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedworks.corpora.buckets import Lengths, TokenBatches
from embedworks.corpora.mixture import Mixture, Phase
from embedworks.corpora.order import ShuffledRows
from embedworks.corpora.plan import Located, SampleBatches, Samples

ROWS = (90, 41)


@pytest.fixture(scope="module")
def lengths(tmp_path_factory) -> list[Lengths]:
    folder = tmp_path_factory.mktemp("lengths")
    rng = np.random.default_rng(0)
    files = []
    for source, rows in enumerate(ROWS):
        files.append(folder / f"{source}.npy")
        long = rng.integers(1, 40, rows)
        np.save(files[-1], np.stack([long, long // 2 + rng.integers(1, 5, rows)], axis=1).astype(np.int32))
    return [Lengths(file) for file in files]


def plan(lengths, budget=300, window=32, **run) -> TokenBatches:
    orders = tuple(ShuffledRows(n, seed=5, source=i, block_rows=8) for i, n in enumerate(ROWS))
    samples = Samples(orders, Mixture([Phase(0, tuple(run.get("total", (1, 1))))]))
    return TokenBatches(samples, lengths, budget, seed=3, window=window, **run)


def cost(batch: Located, lengths: list[Lengths]) -> int:
    sizes = np.concatenate(
        [lengths[s](np.asarray([r])) for s, r in zip(batch.source, batch.row, strict=True)]
    )
    return int(len(batch) * sizes.max(0).sum())


@given(
    budget=st.integers(20, 900), window=st.integers(1, 60), last=st.sampled_from(["pad", "short", "drop"])
)
def test_batches_keep_to_the_budget_and_lose_nothing(lengths, budget, window, last):
    made = plan(lengths, budget, window, total=ROWS, last_batch=last)
    batches = [made.batch(step) for step in range(made.steps)]
    assert all(len(batch) == 1 or cost(batch, lengths) <= budget for batch in batches)
    seen = [
        key
        for b in batches
        for key in zip(b.source.tolist(), b.epoch.tolist(), b.row.tolist(), strict=True)
    ]
    assert len(seen) == len(set(seen))
    told = made.tally()
    first_pass = [key for key in seen if key[1] == 0]
    assert sum(told.dropped) == sum(ROWS) - len(first_pass)
    assert sum(told.ahead) == len(seen) - len(first_pass)
    assert sum(told.given) == len(seen)
    if last != "drop":
        assert not any(told.dropped)


def test_a_step_is_found_without_the_ones_before(lengths):
    whole, alone = plan(lengths, total=ROWS), plan(lengths, total=ROWS)
    last = whole.steps - 1
    batches = [whole.batch(step) for step in range(whole.steps)]
    assert np.array_equal(alone.batch(last).row, batches[last].row)
    twin = pickle.loads(pickle.dumps(alone))
    assert np.array_equal(twin.batch(2).row, batches[2].row)
    assert twin.steps == whole.steps


def test_sorting_saves_padding(lengths):
    made = plan(lengths, budget=600, window=131, total=ROWS, last_batch="short")
    sorted_cost = sum(cost(made.batch(step), lengths) for step in range(made.steps))
    size = round(sum(ROWS) / made.steps)
    plain = SampleBatches(made.samples, size, total=ROWS, last_batch="short")
    plain_cost = sum(cost(plain.batch(step), lengths) for step in range(plain.steps))
    assert sorted_cost < 0.85 * plain_cost


def test_a_run_in_steps_counts_what_it_reads(lengths):
    made = plan(lengths, steps=7)
    read = Located.join([made.batch(step) for step in range(7)])
    assert made.tally().given == tuple(np.bincount(read.source, minlength=2).tolist())
    assert len(made.batch(500)) > 0


def test_windows_are_shuffled(lengths):
    made = plan(lengths, budget=300, window=131, total=ROWS)
    sums = [cost(made.batch(step), lengths) / len(made.batch(step)) for step in range(made.steps)]
    assert sums != sorted(sums)
    assert sums != sorted(sums, reverse=True)
