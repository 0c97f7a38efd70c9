"""Ports of tests: none that the system or another test process of the same run gives out."""

from __future__ import annotations

import itertools
import os
import re
import socket

from embedworks.serving.ingress import OWN_PORTS

FIRST, BLOCK, BLOCKS = 20000, 1000, 9  # below the system's own choice, above those of Ray's workers


def own_block() -> int:
    """The first port of this process's block: pytest-xdist names its processes gw0, gw1, ..."""
    number = re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", ""))
    return FIRST + BLOCK * ((int(number[1]) + 1) % BLOCKS if number else 0)


_offsets = itertools.cycle(range(BLOCK // 2))


def free_port() -> int:
    """The next port of the block's lower half that nobody listens on."""
    for offset in itertools.islice(_offsets, BLOCK // 2):
        port = own_block() + offset
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError(f"no free port from {own_block()} on")


def use_own_ports() -> None:
    """Let Serve listen where nobody else does: the other half of the integration tests has one too."""
    for name in OWN_PORTS:  # whatever they are: the process that started this one had its own
        os.environ[name] = str(free_port())
    middle = own_block() + BLOCK // 2
    os.environ["RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT"] = str(middle)
    os.environ["RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT"] = str(middle + BLOCK // 2 - 1)
