"""One change of an endpoint at a time, whoever makes it: a command, or the follower in the cluster.

The lock is a named actor without work. Ray lets one actor have a name, and ends it when the process that
made it dies, so that nothing is locked by somebody who is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

NAME = "change"
NAMESPACE = "embedworks"
TRY_EVERY_S = 0.5
TELL_AFTER_S = 3.0


@contextmanager
def turn(tell: Callable[[str], object] | None = None) -> Iterator[None]:
    """Wait for one's turn to change the endpoint, and keep it.

    Args:
        tell: Is told once where another change is waited for.
    """
    holder = _wait(tell)
    try:
        yield
    finally:
        import ray

        ray.kill(holder)


def _wait(tell: Callable[[str], object] | None) -> Any:
    started = time.monotonic()
    while (holder := _try()) is None:
        if tell and time.monotonic() - started > TELL_AFTER_S:
            tell("waiting for another change of the endpoint to end")
            tell = None
        time.sleep(TRY_EVERY_S)
    return holder


def _try() -> Any:
    import ray

    options = {"name": NAME, "namespace": NAMESPACE, "num_cpus": 0, "max_concurrency": 1}
    try:
        return ray.remote(Holder).options(**options).remote()
    except ValueError:  # the name is taken
        return None


class Holder:
    """An actor that is there."""
