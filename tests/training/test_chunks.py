from __future__ import annotations

import pytest

from embedworks.corpora.mixture import Mixture, Phase
from embedworks.corpora.order import ShuffledRows
from embedworks.corpora.plan import SampleBatches, Samples
from embedworks.training.chunks import (
    BLOCK_ROWS,
    STRETCH_CHUNKS,
    block_rows,
    chunk_steps,
    count_chunks,
    head_stop,
)


def plan(steps: int, batch: int = 32) -> SampleBatches:
    samples = Samples((ShuffledRows(100, seed=0),), Mixture([Phase(0, (1.0,))]))
    return SampleBatches(samples, batch, steps=steps)


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 5000])
@pytest.mark.parametrize("first", [0, 1, 50])
@pytest.mark.parametrize("workers", [1, 4])
def test_chunks_cover_the_stretch_once_and_in_order(steps, first, workers):
    made = plan(steps)
    covered = [
        step
        for chunk in range(count_chunks(made, workers, first))
        for step in chunk_steps(made, workers, first, chunk)
    ]
    assert covered == list(range(first, max(first, steps)))[: len(covered)]
    if steps * 32 < STRETCH_CHUNKS * BLOCK_ROWS // 2:
        assert len(covered) == max(0, steps - first)


def test_the_first_chunk_is_one_step_and_later_ones_fill_a_block():
    made = plan(10**9)
    lengths = [len(chunk_steps(made, 2, 0, chunk)) for chunk in range(11)]
    assert lengths == [1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 256]


def test_what_is_planned_does_not_grow_with_the_run():
    assert count_chunks(plan(10**9), 2, 0) == count_chunks(plan(10**6), 2, 10) == STRETCH_CHUNKS


def test_large_rows_fill_a_block_sooner():
    assert block_rows(10**6, 5 * 10**8) == BLOCK_ROWS
    assert block_rows(1000, 1000 * 2**15) == 1024
    assert block_rows(1, 10**12) == 1
    made = plan(10**9)
    assert max(len(chunk_steps(made, 2, 0, chunk, block=64)) for chunk in range(20)) == 4


def test_workers_read_the_first_rows_themselves_in_whole_steps() -> None:
    made = plan(10_000)
    rows = made.size(0)
    assert head_stop(made, 2, 5, head=3 * rows) == 5 + 6
    assert head_stop(made, 1, 5, head=1) == 6  # one step at least
    assert head_stop(made, 1, made.steps - 1, head=10 * rows) == made.steps
    assert head_stop(made, 1, made.steps) == made.steps
