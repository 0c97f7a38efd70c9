from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from embedworks.corpora.mixture import Mixture, Phase
from embedworks.corpora.order import ShuffledRows
from embedworks.corpora.plan import Located, SampleBatches, Samples, SingleSourceBatches

sizes = st.lists(st.integers(1, 60), min_size=1, max_size=4)
kinds = st.sampled_from(["pad", "short", "drop"])


def orders(rows):
    return tuple(ShuffledRows(n, seed=5, source=i, block_rows=4) for i, n in enumerate(rows))


def mixed(rows, batch, passes, last_batch):
    total = [n * passes for n in rows]
    samples = Samples(orders(rows), Mixture([Phase(0, tuple(total))]))
    return SampleBatches(samples, batch, total=total, last_batch=last_batch)


def single(rows, batch, passes, last_batch):
    plans = [
        SampleBatches(
            Samples((order,), Mixture([Phase(0, (1,))])),
            batch,
            total=[order.rows * passes],
            last_batch=last_batch,
        )
        for order in orders(rows)
    ]
    turns = tuple(plan.steps for plan in plans)
    if not sum(turns):
        assume(False)
    return SingleSourceBatches(plans, Mixture([Phase(0, turns)]), sum(turns))


def everything(plan) -> Located:
    return Located.join([plan.batch(step) for step in range(plan.steps)] or [Located(*[np.zeros(0)] * 3)])


@pytest.mark.parametrize("make", [mixed, single])
@given(rows=sizes, batch=st.integers(1, 20), passes=st.integers(1, 3), last_batch=kinds)
def test_every_sample_comes_once_a_pass(make, rows, batch, passes, last_batch):
    plan = make(rows, batch, passes, last_batch)
    read, told = everything(plan), plan.tally()
    for source, count in enumerate(rows):
        seen = [
            (int(e), int(r))
            for s, e, r in zip(read.source, read.epoch, read.row, strict=True)
            if s == source
        ]
        wanted = {(epoch, row) for epoch in range(passes) for row in range(count)}
        assert len(seen) == len(set(seen)) == told.given[source]
        assert len(wanted - set(seen)) == told.dropped[source]
        assert len(set(seen) - wanted) == told.ahead[source]
        assert told.passes[source] == pytest.approx(len(seen) / count)
    if last_batch == "short":
        assert not any((*told.ahead, *told.dropped))


@pytest.mark.parametrize("make", [mixed, single])
@given(rows=sizes, batch=st.integers(1, 20))
def test_only_a_short_last_batch_is_small(make, rows, batch):
    for last_batch in ("pad", "short", "drop"):
        plan = make(rows, batch, 1, last_batch)
        lengths = [len(plan.batch(step)) for step in range(plan.steps)]
        small = [n for n in lengths if n != batch]
        assert len(small) <= (len(rows) if make is single else 1) * (last_batch == "short")


def test_the_tail_by_hand():
    told = {kind: mixed([10], 4, 1, kind) for kind in ("pad", "short", "drop")}
    assert [told[kind].steps for kind in told] == [3, 3, 2]
    assert [len(told[kind].batch(told[kind].steps - 1)) for kind in told] == [4, 2, 4]
    assert told["pad"].tally().ahead == (2,)
    assert told["drop"].tally().dropped == (2,)


def test_single_source_batches_are():
    plan = single([30, 50], 8, 1, "short")
    for step in range(plan.steps):
        assert len(set(plan.batch(step).source.tolist())) == 1


def test_a_run_in_steps_goes_on_for_ever():
    samples = Samples(orders([5, 7]), Mixture([Phase(0, (1, 3))]))
    plan = SampleBatches(samples, 4, steps=100)
    assert plan.tally().given == (100, 300)
    assert plan.tally().passes == (20.0, pytest.approx(300 / 7))
    assert len(plan.batch(10**9)) == 4
