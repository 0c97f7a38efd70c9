"""Counting in a process, adding up over processes, and telling it."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from embedworks.serving.metrics.dashboard import PANELS, dashboard
from embedworks.serving.metrics.exposition import exposition
from embedworks.serving.metrics.families import (
    COMPUTED,
    FAMILIES,
    PROCESSES,
    QUEUE_SECONDS,
    REAL,
    REQUEST_SECONDS,
    REQUESTS,
    ROUND_TEXTS,
    WAITING,
)
from embedworks.serving.metrics.ledger import MOST_ENDED, SILENT_S, WINDOW_S, Ledger
from embedworks.serving.metrics.meter import Buckets, Meter, Snapshot
from embedworks.serving.metrics.rooms import RoundMeter
from embedworks.serving.metrics.traffic import quantile

MONITORING = Path(__file__).parents[3] / "serve" / "monitoring"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def counted(requests: int = 1, status: str = "200", waiting: float = 0) -> Snapshot:
    meter = Meter()
    meter.count(REQUESTS, ("embeddings", "docs", status, "alice"), requests)
    for _ in range(requests):
        meter.observe(REQUEST_SECONDS, ("embeddings", "docs"), 0.03)
    meter.watch(WAITING, ("docs",), lambda: waiting)
    return meter.snapshot()


def samples(snapshot: Snapshot) -> dict[tuple[str, tuple[str, ...]], float]:
    found = {}
    for family in text_string_to_metric_families(exposition(snapshot).decode()):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.values()))] = sample.value
    return found


def test_observations_fall_into_cumulative_buckets() -> None:
    meter = Meter()
    for value in (0.001, 0.0011, 70.0):
        meter.observe(QUEUE_SECONDS, ("docs",), value)
    found = samples(meter.snapshot())
    name = QUEUE_SECONDS.name
    bounds = [found[f"{name}_bucket", (bound, "docs")] for bound in ("0.001", "0.0025", "60.0", "+Inf")]
    assert bounds == [1, 2, 2, 3]
    assert found[f"{name}_count", ("docs",)] == 3
    assert found[f"{name}_sum", ("docs",)] == pytest.approx(70.0021)


def test_a_room_that_goes_late_leaves_the_gauge_of_the_one_that_came() -> None:
    meter = Meter()
    old, new = RoundMeter("docs", meter), RoundMeter("docs", meter)
    for room in (old, new):
        meter.watch(WAITING, ("docs",), room._waiting)
    old.close()
    assert (WAITING.name, ("docs",)) in meter.snapshot().gauges
    new.close()
    assert not meter.snapshot().gauges


def test_every_family_is_told_even_where_nothing_was_counted() -> None:
    told = {family.name for family in text_string_to_metric_families(exposition(Snapshot()).decode())}
    assert told == {family.name.removesuffix("_total") for family in FAMILIES}


def test_hostile_names_stay_within_their_label() -> None:
    meter = Meter()
    name = 'a"} 1\nembedworks_fake{x="'
    meter.count(REQUESTS, ("embeddings", name, "200", "\\"))
    assert samples(meter.snapshot()) == {
        (REQUESTS.name, tuple(sorted(("embeddings", name, "200", "\\")))): 1.0
    }


def test_the_ledger_adds_processes_up_and_keeps_what_the_ended_have_counted() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    ledger.take("a", "door", counted(5, waiting=2))
    ledger.take("b", "door", counted(3, waiting=1))
    series = (REQUESTS.name, ("embeddings", "docs", "200", "alice"))
    totals = ledger.totals()
    assert totals.counters[series] == 8
    assert totals.gauges[WAITING.name, ("docs",)] == 3
    assert totals.gauges[PROCESSES.name, ("door",)] == 2
    clock.now = SILENT_S + 1
    ledger.take("a", "door", counted(6, waiting=2))
    totals = ledger.totals()
    assert totals.counters[series] == 9, "what b counted is not lost"
    assert totals.gauges[WAITING.name, ("docs",)] == 2, "and nothing waits for it any more"
    assert totals.gauges[PROCESSES.name, ("door",)] == 1
    assert sum(totals.buckets[REQUEST_SECONDS.name, ("embeddings", "docs")].counts) == 9


def test_a_process_that_was_cut_off_for_a_while_is_not_counted_twice() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    series = (REQUESTS.name, ("embeddings", "docs", "200", "alice"))
    ledger.take("a", "door", counted(5))
    clock.now = SILENT_S + 1
    assert ledger.totals().counters[series] == 5
    assert PROCESSES.name not in {name for name, _ in ledger.totals().gauges}
    ledger.take("a", "door", counted(7))
    assert ledger.totals().counters[series] == 7
    for number in range(2 * MOST_ENDED):
        clock.now += SILENT_S + 1
        ledger.take(f"short-lived {number}", "room", counted(1))
    assert ledger.totals().counters[series] == 7 + 2 * MOST_ENDED
    assert len(ledger._ended) <= MOST_ENDED


def test_rates_are_of_the_last_seconds() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    for second in range(40):
        clock.now = float(second)
        ledger.take("a", "door", counted(1000 + 5 * max(0, second - 20)))
    (found,) = ledger.traffic().values()
    assert found.requests_per_s == pytest.approx(5.0, rel=0.05)
    assert found.p50_ms == pytest.approx(37.5, abs=13)
    assert WINDOW_S < 20


def test_padding_refusals_and_errors() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    ledger.take("a", "room", Snapshot())
    meter = Meter()
    meter.count(COMPUTED, ("docs",), 400)
    meter.count(REAL, ("docs",), 300)
    meter.observe(ROUND_TEXTS, ("docs",), 6)
    for status in ("200", "413", "429", "500"):
        meter.count(REQUESTS, ("embeddings", "docs", status, ""))
    clock.now = 2.0
    ledger.take("a", "room", meter.snapshot())
    found = ledger.traffic()["docs"]
    assert (found.padding, found.texts_per_round, found.tokens_per_s) == (0.25, 6.0, 150.0)
    assert (found.requests_per_s, found.refused_per_s, found.errors_per_s) == (2.0, 1.0, 0.5)
    assert found.p50_ms is None


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ([0, 4, 0], 0.5, 0.00175),
        ([2, 2, 0], 0.5, 0.001),
        ([0, 0, 0], 0.5, None),
        ([1, 0, 99], 0.99, 60.0),
    ],
)
def test_quantiles(counts: list[int], share: float, expected: float | None) -> None:
    rest = [0] * (len(QUEUE_SECONDS.bounds) + 1 - len(counts))
    whole = [*counts[:2], *rest, counts[2]]
    assert quantile(QUEUE_SECONDS, Buckets(whole), share) == pytest.approx(expected)


def test_the_dashboard_is_current_and_asks_for_what_is_told() -> None:
    assert json.loads((MONITORING / "grafana.json").read_text()) == dashboard()
    told = {family.name for family in FAMILIES}
    told |= {f"{f.name}_{end}" for f in FAMILIES if f.bounds for end in ("bucket", "sum", "count")}
    queries = " ".join(query for panel in PANELS for query in panel.lines.values())
    asked = set(re.findall(r"embedworks_\w+", queries))
    assert asked <= told
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert shown == {family.name for family in FAMILIES}, "every metric has a panel"


def test_the_docs_list_every_metric() -> None:
    page = (MONITORING.parents[1] / "docs" / "monitoring.md").read_text()
    for family in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        assert f"| `{family.name}` | {family.kind} | {labels} | {family.text} |" in page
