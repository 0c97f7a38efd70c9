"""Probes of a job's corpora."""

from __future__ import annotations

from collections.abc import Sequence

from embedworks.jobs.context import Context
from embedworks.jobs.corpus_options import CorpusRef
from embedworks.jobs.probe_options import HeldOutOptions, PairOptions
from embedworks.merging.statistics.probe import Probe, ProbeCorpus


def make_probe(context: Context, corpora: Sequence[CorpusRef], options: PairOptions) -> Probe:
    """Pairs of corpora, chosen by the job's seed."""
    skip = options.skip if isinstance(options, HeldOutOptions) else 0
    parts = tuple(
        ProbeCorpus(context.verified(one), one.split, tuple(one.columns.items()), one.limit, skip)
        for one in corpora
    )
    return Probe(corpora=parts, seed=context.job.seed, **options.model_dump(exclude={"corpus", "skip"}))
