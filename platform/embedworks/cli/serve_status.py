"""``embedworks serve status``: a table of the endpoint's models and what they do, once or live."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from embedworks.serving.gateway import Status

# Column to the number that it shows, and how.
COLUMNS: dict[str, tuple[str, str]] = {
    "requests/s": ("requests_per_s", ".1f"),
    "p50 ms": ("p50_ms", ".1f"),
    "p99 ms": ("p99_ms", ".1f"),
    "queue ms": ("queue_ms", ".1f"),
    "tokens/s": ("tokens_per_s", ",.0f"),
    "texts/round": ("texts_per_round", ".1f"),
    "padding": ("padding", ".0%"),
    "waiting": ("waiting", "d"),
    "refused/s": ("refused_per_s", ".1f"),
    "errors/s": ("errors_per_s", ".1f"),
}
COLOURS = {"RUNNING": "green", "HEALTHY": "green", "DEPLOYING": "yellow", "UPDATING": "yellow"}


def show(status: Status, more: Iterator[str]) -> None:
    """Print the endpoint once.

    Args:
        status: The endpoint.
        more: Lines on the models' versions.
    """
    Console().print(view(status, more))


def watch(look: Callable[[], tuple[Status, Iterator[str]]], interval_s: float) -> None:
    """Show the endpoint until Ctrl-C, looking again and again."""
    try:
        with Live(view(*look()), refresh_per_second=4) as live:
            while True:
                time.sleep(interval_s)
                live.update(view(*look()))
    except KeyboardInterrupt:
        return


def view(status: Status, more: Iterator[str]) -> Group:
    """What is shown: a headline, models, deployments, versions."""
    head = Text(status.state, style=COLOURS.get(status.state, "red"))
    head.append(f" {status.url} {status.message}".rstrip(), style="default")
    return Group(head, *_traffic(status.traffic), *_deployments(status.deployments), *map(Text, more))


def _traffic(traffic: dict[str, dict[str, Any]]) -> list[Table]:
    if not traffic:
        return []
    table = Table("model", box=None, pad_edge=False, title="the last ten seconds", title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for model, numbers in traffic.items():
        table.add_row(model, *(_cell(numbers[key], how) for key, how in COLUMNS.values()))
    return [table]


def _cell(value: float | None, how: str) -> str:
    return "-" if value is None else format(value, how)


def _deployments(deployments: dict[str, dict[str, Any]]) -> list[Text]:
    lines = []
    for name, each in deployments.items():
        line = Text(f"  {name}: ")
        line.append(each["state"], style=COLOURS.get(each["state"], "red"))
        replicas = ", ".join(f"{count} {state.lower()}" for state, count in each["replicas"].items())
        lines.append(line.append(f", replicas: {replicas or 'none'}", style="default"))
    return lines
