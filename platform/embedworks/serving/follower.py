"""Follows a registry's aliases: what to do when one moves, does not answer, or leads to a bad version.

Knows nothing of Ray. All that must outlast it is in the plan, so it may be killed at any moment: what it
had begun it finds undone, and does again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from embedworks.errors import InputError, first_line
from embedworks.serving.finding import Resolve, find_revision, version_of
from embedworks.serving.plan import Plan, followed
from embedworks.serving.rollout import Revision, Role

log = logging.getLogger(__name__)


class Endpoint(Protocol):
    """What a follower can do."""

    def plan(self) -> Plan:
        """The endpoint as it is."""
        ...

    def take(self, name: str, role: Role, revision: Revision) -> bool:
        """Roll to a version; where it fails its checks, keep the one before and note why."""
        ...

    def refuse(self, name: str, role: Role, version: str, reason: str) -> None:
        """Note that a version cannot be served, so that it is not tried again."""
        ...


@dataclass(frozen=True)
class Trouble:
    """A registry that does not say what an alias leads to."""

    since: int
    reason: str


class Follower:
    """Looks at every alias that an endpoint follows.

    Args:
        endpoint: What is changed.
        resolve: Asks the registry.
        clock: Unix time; for tests.
    """

    def __init__(
        self, endpoint: Endpoint, resolve: Resolve | None, clock: Callable[[], float] = time.time
    ) -> None:
        self._endpoint = endpoint
        self._resolve = resolve
        self._clock = clock
        self._troubles: dict[str, Trouble] = {}
        self.looked_at = 0

    def look(self) -> None:
        """Look once. A registry in trouble is told of and asked again next time; serving goes on."""
        plan = self._endpoint.plan()
        sources = followed(plan.config)
        known = {source for _, _, source in sources}
        self._troubles = {source: why for source, why in self._troubles.items() if source in known}
        for name, role, source in sources:
            try:
                self._look_at(name, role, source, plan)
            except Exception as error:
                self._note(source, error)
            else:
                self._troubles.pop(source, None)
        self.looked_at = int(self._clock())

    def state(self) -> dict[str, Any]:
        """When it looked last, and which aliases it cannot see, since when and why."""
        return {
            "looked_at": self.looked_at,
            "troubles": {source: asdict(trouble) for source, trouble in self._troubles.items()},
        }

    def _look_at(self, name: str, role: Role, source: str, plan: Plan) -> None:
        version = version_of(source, self._resolve)
        if version is None or plan.rollouts[name].seen.get(role) == version:
            return
        try:
            revision = find_revision(plan.config.model(name), source, self._resolve)
        except InputError as error:  # it is there, and is no model that can be served
            log.warning("%s leads to version %s, which cannot be served: %s", source, version, error)
            return self._endpoint.refuse(name, role, version, str(error))
        log.info("%s moved to version %s", source, revision.version)
        self._endpoint.take(name, role, revision)

    def _note(self, source: str, error: Exception) -> None:
        reason = f"{type(error).__name__}: {first_line(error)}"[:500]
        if source not in self._troubles:
            log.warning("cannot see where %s leads, and serve on: %s", source, reason)
            self._troubles[source] = Trouble(int(self._clock()), reason)
        else:
            self._troubles[source] = Trouble(self._troubles[source].since, reason)
