"""A snapshot in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from embedworks.serving.metrics.families import FAMILIES, Family
from embedworks.serving.metrics.meter import Buckets, Snapshot, by_label

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(snapshot: Snapshot) -> bytes:
    """All families, those without a series too."""
    registry = CollectorRegistry()
    registry.register(_Snapshots(snapshot))
    return generate_latest(registry)


class _Snapshots(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            yield _metric(family, self._snapshot)


def _metric(family: Family, snapshot: Snapshot) -> Metric:
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.text, labels=family.labels)
        for labels, found in by_label(snapshot.buckets, family).items():
            histogram.add_metric(labels, _cumulative(family, found), found.total)
        return histogram
    values = snapshot.counters if family.kind == "counter" else snapshot.gauges
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(family.name, family.text, labels=family.labels)
    for labels, value in by_label(values, family).items():
        metric.add_metric(labels, value)
    return metric


def _cumulative(family: Family, found: Buckets) -> list[tuple[str, float]]:
    bounds = [*map(str, family.bounds), "+Inf"]
    return list(zip(bounds, map(float, accumulate(found.counts)), strict=True))
