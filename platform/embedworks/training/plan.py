"""From a stage's options to the plan of its batches."""

from __future__ import annotations

from collections.abc import Sequence

from embedworks.corpora.buckets import Lengths, TokenBatches
from embedworks.corpora.mixture import Mixture, Phase
from embedworks.corpora.order import ShuffledRows, window_blocks
from embedworks.corpora.plan import BatchPlan, SampleBatches, Samples, SingleSourceBatches
from embedworks.training.options import TrainingOptions
from embedworks.training.stream import CorpusInput, opened


def plan_batches(
    corpora: Sequence[CorpusInput],
    options: TrainingOptions,
    seed: int,
    lengths: Sequence[Lengths] = (),
) -> BatchPlan:
    """The batches of a stage.

    Args:
        corpora: What is read.
        options: ``steps`` or ``epochs``, the batch, and how corpora are mixed.
        seed: Of every order.
        lengths: Tokens of the corpora's rows, where batches are measured in tokens.
    """
    orders = [shuffled(corpus, seed, number) for number, corpus in enumerate(corpora)]
    total = None
    if options.epochs is not None:
        total = [
            max(1, round(order.rows * options.epochs * corpus.epochs))
            for order, corpus in zip(orders, corpora, strict=True)
        ]
    if options.mixing.batches == "single-source":
        return _single_source(corpora, orders, options, seed, lengths, total)
    phases = [Phase(0, tuple(map(float, total)))] if total else _phases(corpora, orders, options)
    if not options.batch_tokens:
        phases = [Phase(phase.start * options.batch_size, phase.rates) for phase in phases]
    samples = Samples(tuple(orders), Mixture(phases))
    return _cut(samples, options, seed, lengths, options.steps, total)


def shuffled(corpus: CorpusInput, seed: int, number: int) -> ShuffledRows:
    """A corpus's own order."""
    shards = opened(corpus.folder).manifest.shards(corpus.split)
    window = window_blocks(sum(s.rows for s in shards), sum(s.bytes for s in shards))
    return ShuffledRows(corpus.rows(), seed=seed, source=number, window=window)


def _single_source(
    corpora: Sequence[CorpusInput],
    orders: Sequence[ShuffledRows],
    options: TrainingOptions,
    seed: int,
    lengths: Sequence[Lengths],
    total: Sequence[int] | None,
) -> BatchPlan:
    plans = []
    for number, order in enumerate(orders):
        alone = Samples((order,), Mixture([Phase(0, (1.0,))]))
        asked = [total[number]] if total else None
        plans.append(_cut(alone, options, seed, lengths[number : number + 1], options.steps, asked))
    if total:
        turns = tuple(float(plan.steps) for plan in plans)
        return SingleSourceBatches(plans, Mixture([Phase(0, turns)]), sum(plan.steps for plan in plans))
    return SingleSourceBatches(plans, Mixture(_phases(corpora, orders, options)), options.steps or 1)


def _cut(
    samples: Samples,
    options: TrainingOptions,
    seed: int,
    lengths: Sequence[Lengths],
    steps: int | None,
    total: Sequence[int] | None,
) -> BatchPlan:
    steps = None if total else steps or 1
    if options.batch_tokens:
        return TokenBatches(
            samples,
            lengths,
            options.batch_tokens,
            seed=seed,
            steps=steps,
            total=total,
            last_batch=options.last_batch,
        )
    return SampleBatches(
        samples, options.batch_size, steps=steps, total=total, last_batch=options.last_batch
    )


def _phases(
    corpora: Sequence[CorpusInput], orders: Sequence[ShuffledRows], options: TrainingOptions
) -> list[Phase]:
    """Rates in units of the mixture, from steps on."""
    power = 1 / options.mixing.temperature if options.mixing.temperature else 0.0
    sizes = [order.rows**power for order in orders]
    weights = [corpus.weight for corpus in corpora]
    phases = options.mixing.phases or ()
    first = [] if phases and phases[0].step == 0 else [(0, weights)]
    return [
        Phase(step, tuple(w * size for w, size in zip(rates, sizes, strict=True)))
        for step, rates in (*first, *((phase.step, phase.weights) for phase in phases))
    ]
