"""An endpoint under a steady load while what serves it is killed, and its model changed, again and again.

    python benchmarks/serve_chaos.py [--json] [--minutes M] [--clients N] [--seed S] [--doors N]

A node of its own with tiny models: what counts is whether an answer is wrong or a request lost, not speed.
Every answer is compared with the vectors of the version that it names. A connection that was refused or
closed without an answer is tried again and counted (``dead_sockets``); any other answer than 200 is lost.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
from _harness import machine
from _killing import PROXIES, kill, processes, replicas, wait_for
from _steady import Steady

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from embedworks.cli.ray_session import connect, prepare_environment
from embedworks.embedder import Embedder
from embedworks.serving import gateway
from embedworks.serving.config import Replicas
from embedworks.serving.reading import parse_config
from helpers import registry as registries
from helpers.registry import FileRegistry
from helpers.tiny import tiny_embedder

TEXTS = (
    "the cat",
    "a bird and a fish sing",
    "stone",
    "open a file",
    "sort a list",
    "an old tree in the sun",
)
VERSIONS = ("1", "2", "3")
CALM_S = 5.0  # under load, between two troubles


class Troubles:
    """What is done to an endpoint.

    Args:
        registry: Whose alias is moved.
        rng: Chooses.
    """

    def __init__(self, registry: FileRegistry, rng: random.Random) -> None:
        self._registry = registry
        self._rng = rng
        self.kinds: dict[str, Callable[[], object]] = {
            "room killed": lambda: kill(replicas("room-docs")[:1]),
            "door killed": lambda: kill(replicas("door")[:1]),
            "follower killed": lambda: kill(replicas("follower")),
            "controller killed": lambda: kill(processes("ServeController")),
            "proxy killed": lambda: kill(processes(*PROXIES)),
            "alias moved": self._move,
            "scaled": self._scale,
            "rolled back": lambda: gateway.roll_back("docs") if self._version()["previous"] else None,
        }

    def one(self) -> tuple[str, Callable[[], object]]:
        """One of them, by chance."""
        return self._rng.choice(sorted(self.kinds.items()))

    def _version(self) -> dict[str, Any]:
        wait_for(lambda: bool(gateway.status().models), "an endpoint that says what it serves")
        return gateway.status().models["docs"]

    def _move(self) -> None:
        others = [version for version in VERSIONS if version != self._version()["version"]]
        wanted = self._rng.choice(others)
        self._registry.move("champion", wanted)
        wait_for(lambda: self._version()["version"] == wanted, f"version {wanted}")

    def _scale(self) -> None:
        number = self._rng.choice((1, 2, 3))
        gateway.scale("docs", Replicas(min=number, max=number))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print; exit code 1 where an answer was wrong or a request lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--doors", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory() as place,
        endpoint(Path(place), given.doors) as (url, registry, expected),
    ):
        load = Steady(url, "docs", TEXTS, expected, clients=given.clients)
        happened = trouble(load, Troubles(registry, random.Random(given.seed)), given.minutes * 60)
    result = {"name": "serve_chaos", "date": time.strftime("%Y-%m-%d"), "machine": machine(), **happened}
    result |= {"seed": given.seed, "doors": given.doors, "clients": given.clients}
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))
    sys.exit(1 if any(kind["wrong"] or kind["lost"] for kind in happened["kinds"].values()) else 0)


@contextmanager
def endpoint(place: Path, doors: int) -> Iterator[tuple[str, FileRegistry, dict[str, Any]]]:
    """An endpoint that follows an alias of three versions, on a node of its own."""
    import ray

    prepare_environment()
    connect("local", cpus=6)
    cloudpickle.register_pickle_by_value(registries)
    registry, expected = FileRegistry(place / "registry.json"), {}
    for number, version in enumerate(VERSIONS):
        folder = tiny_embedder(place / version, layers=2, seed=number)
        registry.add(version, folder)
        expected[version] = Embedder.load(folder).encode(list(TEXTS)).numpy()
    registry.move("champion", VERSIONS[0])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    model = {"name": "docs", "source": "models:/docs@champion", "precision": "fp32", "num_cpus": 0.5}
    values: dict[str, Any] = {"port": port, "door_replicas": doors, "follow": {"every_s": 1}}
    try:
        deployed = gateway.deploy(
            parse_config({**values, "models": [{**model, "replicas": 2}]}, "here"), registry
        )
        yield deployed.url, registry, expected
        gateway.delete()
    finally:
        ray.shutdown()


def trouble(load: Steady, troubles: Troubles, seconds: float) -> dict[str, Any]:
    """Make trouble for so long; what came of the requests, by kind of trouble."""
    kinds: dict[str, dict[str, Any]] = {}
    with load.running():
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            kind, make = troubles.one()
            with load.phase(kind) as tally:
                make()
                time.sleep(CALM_S)
                load.answered()
            _add(kinds.setdefault(kind, {"times": 0}), tally.as_dict())
            print(f"{kind}: {tally.as_dict()}", file=sys.stderr, flush=True)
    return {"kinds": kinds}


def _add(sums: dict[str, Any], one: dict[str, Any]) -> None:
    sums["times"] += 1
    for key in ("answered", "wrong", "lost", "dead_sockets"):
        sums[key] = sums.get(key, 0) + one[key]
    sums["slowest_s"] = max(sums.get("slowest_s", 0), one["slowest_s"])
    sums["examples"] = [*sums.get("examples", []), *one["examples"]][:5]


if __name__ == "__main__":
    main()
