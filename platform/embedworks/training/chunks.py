"""How the steps are shared out: the first ones to the workers themselves, the others to read tasks.

A stretch of steps is cut into chunks, one read task a chunk and rank.
"""

from __future__ import annotations

from embedworks.corpora.plan import BatchPlan

STRETCH_CHUNKS = 256
BLOCK_ROWS = 4096  # of text: half a second of tokenising, beside which a task's own cost is small
BLOCK_BYTES = 32 * 2**20  # as they are stored: images fill a block sooner

HEAD_ROWS = 1024  # that a worker reads itself, one step at a time, while Ray Data starts


def block_rows(rows: int, stored_bytes: int) -> int:
    """Rows of a full block, from what the corpora hold."""
    return max(1, min(BLOCK_ROWS, BLOCK_BYTES * max(1, rows) // max(1, stored_bytes)))


def head_stop(plan: BatchPlan, workers: int, first: int, head: int = HEAD_ROWS) -> int:
    """Behind the last of the steps that workers read themselves, from the one at which they start.

    Ray Data takes seconds to start; until it is there, training goes on with these.
    """
    if first >= plan.steps:
        return first
    rows = max(1, plan.size(first) // workers)
    return min(plan.steps, first + max(1, head // rows))


def chunk_steps(plan: BatchPlan, workers: int, first: int, chunk: int, block: int = BLOCK_ROWS) -> range:
    """The steps of a chunk; empty behind the last step.

    Chunks begin with one step, so that the first batch comes soon, and double up to a block's rows
    a rank, counted in the rows of the stretch's first batch.

    Args:
        plan: The batches.
        workers: Ranks that share a batch.
        first: Step at which the stretch begins.
        chunk: Number of the chunk within it.
        block: Rows of a full block.
    """
    if first >= plan.steps:
        return range(0)
    rows = max(1, plan.size(first) // workers)
    longest = max(1, block // rows)
    doublings = longest.bit_length() - 1  # chunks of 1, 2, 4, ... steps before the longest
    if chunk < doublings:
        start, length = 2**chunk - 1, 2**chunk
    else:
        start, length = 2**doublings - 1 + (chunk - doublings) * longest, longest
    return range(min(first + start, plan.steps), min(first + start + length, plan.steps))


def count_chunks(plan: BatchPlan, workers: int, first: int, block: int = BLOCK_ROWS) -> int:
    """Chunks of the stretch that begins at a step; at least one."""
    chunk = 1
    while chunk < STRETCH_CHUNKS and chunk_steps(plan, workers, first, chunk, block):
        chunk += 1
    return chunk
