"""Where the follower lives: a deployment of the endpoint's own application.

So it lives as long as the endpoint, on whatever node there is, without the process that deployed it: Serve
starts it again when it is killed, and ends it with the endpoint. A detached actor would need somebody to
end it, and stays dead when it was killed for good.
"""

from __future__ import annotations

import base64
import logging
import threading
from typing import Any

import cloudpickle

log = logging.getLogger(__name__)


class FollowerReplica:
    """The Serve deployment that follows; it answers no requests.

    Args:
        resolver: Asks the registry: pickled, as base64.
        every_s: Between two looks.
    """

    def __init__(self, resolver: str | None, every_s: float) -> None:
        from embedworks.serving.change import DeployedEndpoint
        from embedworks.serving.follower import Follower

        self._ended = threading.Event()
        resolve = cloudpickle.loads(base64.b64decode(resolver)) if resolver else None
        self.follower = Follower(DeployedEndpoint(), resolve)
        self._every_s = every_s
        # A thread: registries are asked, and replicas waited for, without an event loop.
        self._thread = threading.Thread(target=self._work, name="embedworks-follower", daemon=True)
        self._thread.start()

    def state(self) -> dict[str, Any]:
        """See :meth:`.Follower.state`."""
        return self.follower.state()

    def check_health(self) -> None:
        """Serve replaces the replica when this raises."""
        if not self._thread.is_alive():
            raise RuntimeError("the follower's thread has ended")

    def __del__(self) -> None:
        self._ended.set()

    def _work(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                self.follower.look()
            except Exception as error:  # Serve is busy, or the endpoint is going: look again
                log.warning("could not look at what is followed: %s: %s", type(error).__name__, error)
