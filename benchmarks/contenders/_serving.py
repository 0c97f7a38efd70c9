"""What every serving contender shares: the load, the clock and the line it prints. Standard library alone.

A contender starts its server, and this module sends it requests of OpenAI's form: C connections, each of
which asks again as soon as it is answered. Every answer is counted and checked to hold as many vectors as
texts; the first of each kind is kept, so that the servers' vectors can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

NAME = "bench"  # what the model is called
HOST = "127.0.0.1"
READY_SECONDS = 240.0
FREE_SECONDS = 30.0
VECTOR = b'"embedding":['  # begins each vector of an answer, once blanks are out


class Task(argparse.Namespace):
    """The command line of every contender."""

    model: Path
    load: Path
    port: int
    seconds: float
    warmup: float


def parse() -> Task:
    """Read the task from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument(
        "--load", type=Path, required=True, help="JSON: a list of {name, connections, texts}"
    )
    parser.add_argument("--port", type=int, default=18790)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load")
    parser.add_argument("--warmup", type=float, default=2.0, help="seconds that are not timed")
    return parser.parse_args(namespace=Task())


def run(name: str, command: list[str], task: Task, variables: dict[str, str] | None = None) -> None:
    """Start a server, measure it under every load, stop it, and print the line."""
    wait_until_free(task.port)
    server = subprocess.Popen(
        command, env={**os.environ, **(variables or {})}, stdout=sys.stderr, start_new_session=True
    )
    try:
        wait_until_ready(server, task.port)
        loads = json.loads(task.load.read_text())
        found = {load["name"]: asyncio.run(measure(load, task)) for load in loads}
    finally:
        stop(server)
    wait_until_free(task.port)
    print(json.dumps({"contender": name, "loads": found}), flush=True)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Let it end, as a user would, and then end what is left of all that it started."""
    server.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(60)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)


def wait_until_free(port: int) -> None:
    """Return when nobody listens: what an earlier server started may answer for a while after its end."""
    until = time.monotonic() + FREE_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.2)
    raise SystemExit(f"port {port} is taken by another server")


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    """Return when the server answers a request."""
    until = time.monotonic() + READY_SECONDS
    body = json.dumps({"model": NAME, "input": ["ready?"]}).encode()
    headers = {"content-type": "application/json"}
    while time.monotonic() < until:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with exit code {server.returncode}")
        try:
            request = urllib.request.Request(f"http://{HOST}:{port}/v1/embeddings", body, headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                answer.read()
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:  # it is up, and does not understand
                raise SystemExit(f"the server answered {error.code}: {error.read()[:300]!r}") from None
            time.sleep(0.5)
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"no answer within {READY_SECONDS:.0f} s")


async def measure(load: dict[str, Any], task: Task) -> dict[str, Any]:
    """Requests a second and latencies of one load."""
    requests = [(_request(texts, task.port), len(texts)) for texts in load["texts"]]
    begin = time.perf_counter() + task.warmup
    end = begin + task.seconds
    clients = [_client(requests, first, task.port, begin, end) for first in range(load["connections"])]
    found = await asyncio.gather(*clients)
    taken = sorted(seconds for latencies, _, _ in found for seconds in latencies)
    if not taken:
        raise SystemExit(f"no answer under {load['name']} within {task.seconds:.0f} s")
    return {
        "requests_per_s": len(taken) / task.seconds,
        "texts_per_s": sum(texts for _, texts, _ in found) / task.seconds,
        "p50_ms": 1000 * taken[len(taken) // 2],
        "p99_ms": 1000 * taken[min(len(taken) - 1, len(taken) * 99 // 100)],
        "first": next(answer for _, _, answer in found if answer),
    }


async def _client(
    requests: list[tuple[bytes, int]], first: int, port: int, begin: float, end: float
) -> tuple[list[float], int, list[float]]:
    """Latencies of answers that came between ``begin`` and ``end``, their texts, a vector of request 0."""
    reader, writer = await asyncio.open_connection(HOST, port, limit=2**26)
    latencies: list[float] = []
    texts, kept, number = 0, [], first
    while (asked := time.perf_counter()) < end:
        message, count = requests[number % len(requests)]
        writer.write(message)
        body, is_last = await _answer(reader)
        now = time.perf_counter()
        if body.count(VECTOR) != count:
            raise SystemExit(
                f"an answer has {body.count(VECTOR)} vectors for {count} texts: {body[:200]!r}"
            )
        if number == 0:
            kept = json.loads(body)["data"][0]["embedding"]
        if begin <= now <= end:
            latencies.append(now - asked)
            texts += count
        number += 1
        if is_last:  # of this connection, said the server
            writer.close()
            reader, writer = await asyncio.open_connection(HOST, port, limit=2**26)
    writer.close()
    return latencies, texts, kept


async def _answer(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = head.split(b" ", 2)[1]
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    body = await reader.readexactly(int(length.split(b":")[1]))
    if status != b"200":
        raise SystemExit(f"the server answered {status.decode()}: {body[:300]!r}")
    is_last = b"\r\nconnection: close\r\n" in head
    return (body.replace(b" ", b"") if b'": ' in body[:200] else body), is_last


def _request(texts: list[str], port: int) -> bytes:
    body = json.dumps({"model": NAME, "input": texts if len(texts) > 1 else texts[0]}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nhost: {HOST}:{port}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
