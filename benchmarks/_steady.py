"""A steady load on an endpoint; every answer is compared with the right vectors of the version it names."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Verdict = tuple[str, str | None]  # the version that an answer names, and what is wrong with it
CLOSE = 2e-3  # of a coordinate of a unit vector: other texts in the batch change the last bits
PATIENCE_S = 60.0  # for one request, over all its attempts
PAUSE_S = 0.05  # before a socket that was dead is tried again
DEAD = (OSError, http.client.HTTPException)


@dataclass
class Tally:
    """What came of the requests.

    Attributes:
        versions: Version to answers of it that were right.
        wrong: Answers that were not.
        lost: Requests that got no answer, or another than 200.
        dead_sockets: Attempts on a connection that was refused or broken, which were made again.
        slowest_s: The longest a request took, over all its attempts.
    """

    versions: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    dead_sockets: int = 0
    slowest_s: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "answered": sum(self.versions.values()),
            "versions": dict(self.versions),
            "wrong": len(self.wrong),
            "lost": len(self.lost),
            "dead_sockets": self.dead_sockets,
            "slowest_s": round(self.slowest_s, 3),
            "examples": [*self.wrong, *self.lost][:5],
        }


class Steady:
    """Clients that ask without pause.

    Args:
        url: Of the endpoint, ending in ``/v1``.
        model: The model to ask.
        texts: What is asked for, one or several at a time.
        expected: Version to the ``(len(texts), d)`` vectors that are right.
        clients: Connections.
        users: What clients say in ``user``; empty: nothing.
        pause_s: Between two requests of a client.
    """

    path = "/v1/embeddings"

    def __init__(
        self,
        url: str,
        model: str,
        texts: Sequence[str],
        expected: Mapping[str, Vectors],
        clients: int = 4,
        users: Sequence[str] = (),
        pause_s: float = 0.0,
    ) -> None:
        self._address = urlsplit(url).netloc
        self._model = model
        self._texts = list(texts)
        self._expected = dict(expected)
        self._clients = clients
        self._users = users
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._phase = Tally()
        self.phases: dict[str, Tally] = {}

    @contextmanager
    def running(self) -> Iterator[Steady]:
        """Ask until the block ends."""
        self._stop.clear()
        threads = [
            threading.Thread(target=self._client, args=(n,), daemon=True) for n in range(self._clients)
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(PATIENCE_S + 5)

    @contextmanager
    def phase(self, name: str) -> Iterator[Tally]:
        """Count what begins in the block by itself."""
        outer = self._phase
        self._phase = self.phases[name] = Tally()
        yield self._phase
        self._phase = outer

    def wait(self, done: Callable[[Tally], bool], timeout_s: float = 120.0) -> None:
        """Wait until the phase's tally says so."""
        tally, deadline = self._phase, time.monotonic() + timeout_s
        while not done(tally):
            assert time.monotonic() < deadline, f"the load did not get there: {tally.as_dict()}"
            time.sleep(0.05)

    def answered(self, more: int = 20) -> None:
        """Wait for so many more answers."""
        tally = self._phase
        before = sum(tally.versions.values())
        self.wait(lambda now: sum(now.versions.values()) >= before + more or bool(now.lost or now.wrong))

    def _client(self, number: int) -> None:
        connection: http.client.HTTPConnection | None = None
        turn = number
        while not self._stop.is_set():
            turn += 1
            first = turn % len(self._texts)
            chosen = list(range(first, min(first + 1 + turn % 3, len(self._texts))))
            user = {"user": self._users[turn % len(self._users)]} if self._users else {}
            connection = self._request(connection, chosen, user)
            if self._pause_s:
                self._stop.wait(self._pause_s)

    def _request(
        self, connection: http.client.HTTPConnection | None, chosen: list[int], user: dict[str, str]
    ) -> http.client.HTTPConnection | None:
        payload = json.dumps(self._body([self._texts[i] for i in chosen]) | user)
        tally, started, dead = self._phase, time.monotonic(), 0
        while True:
            try:
                connection = connection or http.client.HTTPConnection(self._address, timeout=PATIENCE_S)
                connection.request("POST", self.path, payload, {"content-type": "application/json"})
                response = connection.getresponse()
                status, content = response.status, response.read()
                break
            except DEAD as error:
                if connection:
                    connection.close()
                connection, dead = None, dead + 1
                if time.monotonic() - started > PATIENCE_S:
                    self._note(tally, f"{type(error).__name__}: {error}", None, dead, started)
                    return None
                time.sleep(PAUSE_S)
        if status != 200:
            self._note(tally, f"{status} {content[:300]!r}", None, dead, started)
        else:
            self._note(tally, None, self._compare(json.loads(content), chosen), dead, started)
        return connection

    def _body(self, texts: list[str]) -> dict[str, Any]:
        return {"model": self._model, "input": texts, "encoding_format": "float"}

    def _compare(self, answer: dict[str, Any], chosen: list[int]) -> Verdict:
        """The version an answer names, and what is wrong with it."""
        version = str(answer.get("embedworks", {}).get("version"))
        if version not in self._expected:
            return version, f"an answer of version {version!r}"
        got = np.array([row["embedding"] for row in answer["data"]], dtype=np.float32)
        right = self._expected[version][chosen]
        if got.shape != right.shape:
            return version, f"vectors of shape {got.shape}; expected {right.shape}"
        far = float(np.abs(got - right).max())
        return version, None if far <= CLOSE else f"version {version}: {far:.4f} from its vectors"

    def _note(
        self,
        tally: Tally,
        lost: str | None,
        answer: tuple[str, str | None] | None,
        dead: int,
        started: float,
    ) -> None:
        with self._lock:
            tally.dead_sockets += dead
            tally.slowest_s = max(tally.slowest_s, time.monotonic() - started)
            if lost:
                tally.lost.append(lost)
            if answer:
                version, fault = answer
                if fault:
                    tally.wrong.append(fault)
                else:
                    tally.versions[version] += 1
