"""The ledger as an actor, and the thread by which each replica reports to it.

Each replica sends what it has counted once a second, and waits for nothing. The ledger belongs to the
endpoint, not to a replica: any of them may be killed, and the numbers go on. Where it is killed itself, the
next report starts another one, and Prometheus sees its counters begin anew.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

import ray

from embedworks.serving.metrics.exposition import exposition
from embedworks.serving.metrics.ledger import Ledger
from embedworks.serving.metrics.meter import METER, Meter, Snapshot

NAME = "embedworks-ledger"
NAMESPACE = "embedworks"
EVERY_S = 1.0
PATIENCE_S = 5.0


@ray.remote(num_cpus=0, max_restarts=-1)
class LedgerActor:
    """A :class:`Ledger` for all processes of an endpoint."""

    def __init__(self) -> None:
        self._ledger = Ledger()

    def take(self, process: str, part: str, snapshot: Snapshot) -> None:
        """Note what a process has counted."""
        self._ledger.take(process, part, snapshot)

    def text(self) -> bytes:
        """In Prometheus' format."""
        return exposition(self._ledger.totals())

    def traffic(self) -> dict[str, dict[str, Any]]:
        """Model to what it did over the last seconds."""
        return {name: each.as_dict() for name, each in self._ledger.traffic().items()}


def ledger() -> Any:
    """The endpoint's ledger, started where there is none."""
    options = {"name": NAME, "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
    return LedgerActor.options(**options).remote()  # type: ignore[attr-defined]


def end_ledger() -> None:
    """Stop it, with the endpoint whose numbers it has."""
    try:
        ray.kill(ray.get_actor(NAME, NAMESPACE))
    except ValueError:  # there is none
        return


def recent_traffic() -> dict[str, dict[str, Any]]:
    """Model to what it did over the last seconds; empty where nothing reports."""
    try:
        actor = ray.get_actor(NAME, NAMESPACE)
        found: dict[str, dict[str, Any]] = ray.get(actor.traffic.remote(), timeout=PATIENCE_S)
    except (ValueError, ray.exceptions.RayError):
        return {}
    return found


class Reporter:
    """A thread that reports what this process counts.

    Args:
        part: ``door`` or ``room``.
        meter: What is reported.
    """

    def __init__(self, part: str, meter: Meter = METER) -> None:
        self._part, self._meter = part, meter
        self._process = uuid.uuid4().hex
        self._actor: Any = None
        threading.Thread(target=self._run, name="embedworks-reporter", daemon=True).start()

    async def text(self) -> bytes:
        """The whole endpoint's numbers, this process's own up to now."""
        await self._send()
        text: bytes = await self._actor.text.remote()
        return text

    def _send(self) -> Any:
        if self._actor is None:
            self._actor = ledger()
        return self._actor.take.remote(self._process, self._part, self._meter.snapshot())

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_S):
            if not ray.is_initialized():  # Ray would start a cluster for who calls it outside of one
                self._actor = None
                continue
            try:
                self._send()
            except Exception:  # the cluster ends, or the ledger did: another one next time
                self._actor = None
