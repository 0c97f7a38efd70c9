"""The Grafana dashboard of an endpoint, made of the families that it exports.

python -m embedworks.serving.metrics.dashboard > serve/monitoring/grafana.json
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from embedworks.serving.metrics.families import (
    COMPUTE_SECONDS,
    COMPUTED,
    FAILED_ROUNDS,
    IN_HAND,
    INDEX_FAILURES,
    INDEX_REPLICAS,
    INDEX_ROWS,
    LOAD_SECONDS,
    PROCESSES,
    QUEUE_SECONDS,
    REAL,
    REFUSALS,
    REQUEST_SECONDS,
    REQUESTS,
    ROUND_TEXTS,
    ROUND_TOKENS,
    SEARCH_SECONDS,
    TOKENS_READ,
    WAITING,
    Family,
)

SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT, COLUMNS = 8, 8, 3
PICK = 'model=~"$model"'


@dataclass(frozen=True)
class Panel:
    """A graph.

    Attributes:
        title: Above it.
        unit: As Grafana calls it.
        lines: Legend to PromQL.
    """

    title: str
    unit: str
    lines: dict[str, str]


def rate(family: Family, by: str, pick: str = PICK) -> str:
    """A counter's increase a second."""
    return f"sum by ({by}) (rate({family.name}{{{pick}}}[$__rate_interval]))"


def quantile(family: Family, share: float) -> str:
    """Of a histogram, over all picked models."""
    return (
        f"histogram_quantile({share}, sum by (le) (rate({family.name}_bucket{{{PICK}}}[$__rate_interval])))"
    )


def mean(family: Family) -> str:
    """Of a histogram, model by model."""
    total, count = (f"rate({family.name}_{end}{{{PICK}}}[$__rate_interval])" for end in ("sum", "count"))
    return f"sum by (model) ({total}) / sum by (model) ({count})"


def quantiles(family: Family) -> dict[str, str]:
    """The three that people look at."""
    return {f"p{round(100 * share)}": quantile(family, share) for share in (0.5, 0.95, 0.99)}


EVERY = 'index=~".+"'
VERSION = "{{index}} {{version}}"
SEARCHES = {
    f"{{{{index}}}} {{{{part}}}} p{round(100 * share)}": (
        f"histogram_quantile({share}, sum by (le, index, part) "
        f"(rate({SEARCH_SECONDS.name}_bucket[$__rate_interval])))"
    )
    for share in (0.5, 0.95)
}
PADDING = f"1 - {rate(REAL, 'model')} / {rate(COMPUTED, 'model')}"
PANELS = (
    Panel("Requests", "reqps", {"{{model}} {{status}}": rate(REQUESTS, "model, status")}),
    Panel("Time of a request", "s", quantiles(REQUEST_SECONDS)),
    Panel("Requests by key", "reqps", {"{{key}}": rate(REQUESTS, "key")}),
    Panel("Refusals", "reqps", {"{{status}} {{type}} {{code}}": rate(REFUSALS, "status, type, code")}),
    Panel("Time in the queue", "s", quantiles(QUEUE_SECONDS)),
    Panel("Inputs that wait", "short", {"{{model}}": f"sum by (model) ({WAITING.name}{{{PICK}}})"}),
    Panel("Requests in hand", "short", {"in hand": f"sum({IN_HAND.name})"}),
    Panel("Tokens a second", "short", {"{{model}}": rate(REAL, "model")}),
    Panel("Tokens a second by key", "short", {"{{key}}": rate(TOKENS_READ, "key")}),
    Panel("Padding", "percentunit", {"{{model}}": PADDING}),
    Panel("Texts of a round", "short", {"{{model}}": mean(ROUND_TEXTS)}),
    Panel("Tokens of a round", "short", {"{{model}}": mean(ROUND_TOKENS)}),
    Panel("Time of a round", "s", quantiles(COMPUTE_SECONDS)),
    Panel("Rounds that failed", "short", {"{{model}}": rate(FAILED_ROUNDS, "model")}),
    Panel("Time of a search", "s", SEARCHES),
    Panel("Rows of an index", "short", {VERSION: f"max by (index, version) ({INDEX_ROWS.name})"}),
    Panel("Replicas of a version", "short", {VERSION: f"sum by (index, version) ({INDEX_REPLICAS.name})"}),
    Panel(
        "Versions that could not be opened", "short", {"{{index}}": rate(INDEX_FAILURES, "index", EVERY)}
    ),
    Panel("Doors, rooms and indexes", "short", {"{{part}}": f"sum by (part) ({PROCESSES.name})"}),
    Panel("Time to load a model", "s", {"{{model}}": mean(LOAD_SECONDS)}),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    model = {
        "name": "model",
        "label": "Model",
        "type": "query",
        "datasource": SOURCE,
        "query": f"label_values({REQUESTS.name}, model)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
    return {
        "title": "embedworks endpoint",
        "uid": "embedworks-endpoint",
        "schemaVersion": 39,
        "tags": ["embedworks"],
        "time": {"from": "now-30m", "to": "now"},
        "refresh": "10s",
        "templating": {"list": [source, model]},
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": row * HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for i, (legend, query) in enumerate(panel.lines.items())
        ],
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=2))
