"""What an endpoint did lately, model by model: what came between two snapshots, in people's units."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

from embedworks.serving.metrics.families import (
    COMPUTED,
    QUEUE_SECONDS,
    REAL,
    REQUEST_SECONDS,
    REQUESTS,
    ROUND_TEXTS,
    WAITING,
    Family,
)
from embedworks.serving.metrics.meter import Buckets, Snapshot, by_label


@dataclass(frozen=True)
class Traffic:
    """A model's traffic over some seconds.

    Attributes:
        requests_per_s: Answered.
        errors_per_s: Of these, with a status of 500 or more.
        refused_per_s: Of these, with a status from 400 to 499.
        p50_ms: Of a request; None without one. Within a histogram's bucket, as Prometheus reads it.
        p99_ms: The same.
        queue_ms: Mean time in the queue.
        tokens_per_s: Of texts, computed.
        padding: Share of what was computed that was padding.
        texts_per_round: Mean size of a round.
        waiting: Inputs that wait now.
    """

    requests_per_s: float
    errors_per_s: float
    refused_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    queue_ms: float | None
    tokens_per_s: float
    padding: float | None
    texts_per_round: float | None
    waiting: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def traffic(between: Snapshot, now: Snapshot, seconds: float) -> dict[str, Traffic]:
    """Model to traffic.

    Args:
        between: What was counted in these seconds.
        now: Whose gauges say what waits.
        seconds: How many.
    """
    requests = by_label(between.counters, REQUESTS)
    names = {labels[1] for labels in requests} | {labels[0] for labels in by_label(now.gauges, WAITING)}
    return {name: _of(name, between, now, seconds) for name in sorted(names) if name}


def _of(name: str, between: Snapshot, now: Snapshot, seconds: float) -> Traffic:
    by_status: dict[str, float] = {}
    for labels, value in by_label(between.counters, REQUESTS).items():
        if labels[1] == name:
            by_status[labels[2]] = by_status.get(labels[2], 0.0) + value
    answered = _merged(
        [b for labels, b in by_label(between.buckets, REQUEST_SECONDS).items() if labels[1] == name]
    )
    computed, real = (between.counters.get((family.name, (name,)), 0.0) for family in (COMPUTED, REAL))
    return Traffic(
        requests_per_s=sum(by_status.values()) / seconds,
        errors_per_s=sum(value for status, value in by_status.items() if status >= "500") / seconds,
        refused_per_s=sum(v for status, v in by_status.items() if "400" <= status < "500") / seconds,
        p50_ms=_milli(quantile(REQUEST_SECONDS, answered, 0.5)),
        p99_ms=_milli(quantile(REQUEST_SECONDS, answered, 0.99)),
        queue_ms=_milli(_mean(between.buckets.get((QUEUE_SECONDS.name, (name,))))),
        tokens_per_s=real / seconds,
        padding=1 - real / computed if computed else None,
        texts_per_round=_mean(between.buckets.get((ROUND_TEXTS.name, (name,)))),
        waiting=int(now.gauges.get((WAITING.name, (name,)), 0)),
    )


def quantile(family: Family, found: Buckets | None, share: float) -> float | None:
    """Of a histogram, linear within a bucket; the last bound for what is beyond it."""
    if found is None or not sum(found.counts):
        return None
    wanted, below = share * sum(found.counts), 0
    for index, upto in enumerate(accumulate(found.counts)):
        if upto >= wanted and found.counts[index]:
            if index == len(family.bounds):
                break
            low = family.bounds[index - 1] if index else 0.0
            return low + (family.bounds[index] - low) * (wanted - below) / found.counts[index]
        below = upto
    return family.bounds[-1]


def _merged(several: list[Buckets]) -> Buckets | None:
    if not several:
        return None
    whole = several[0]
    for each in several[1:]:
        whole = whole.add(each)
    return whole


def _mean(found: Buckets | None) -> float | None:
    return found.total / sum(found.counts) if found and sum(found.counts) else None


def _milli(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
