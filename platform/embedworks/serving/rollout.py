"""The versions of one served model: what answers, what did before, and how the last change went."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

Role = Literal["model", "canary", "shadow"]
VARIANTS: tuple[Role, ...] = ("canary", "shadow")
ROLES: tuple[Role, ...] = ("model", *VARIANTS)
REASON_CHARACTERS = 1000


class _State(BaseModel):
    model_config = ConfigDict(frozen=True)


class Revision(_State):
    """One version of a model, found.

    Attributes:
        source: A folder, a hub id, or a registered model at this version.
        version: The registry's, or the first digits of the weights' digest.
        folder: Where it is.
        since: Unix time at which it was found, later at which it began to answer.
    """

    source: str
    version: str
    folder: Path
    since: int


class Roll(_State):
    """A change that was made."""

    at: int
    before: str
    after: str
    why: str


class Failure(_State):
    """A version that was not taken, so that the one before went on."""

    at: int
    version: str
    role: Role
    reason: str


class Rollout(_State):
    """What is known of one model's versions.

    Attributes:
        current: What answers.
        canary: What answers some clients.
        shadow: What gets copies of requests.
        previous: What answered before ``current``.
        seen: Role to the version that its alias led to when that was acted upon: an alias that stays is
            not acted upon again, whether the version was taken or not.
        last_roll: The last change.
        last_failure: The last version that was not taken.
    """

    current: Revision
    canary: Revision | None = None
    shadow: Revision | None = None
    previous: Revision | None = None
    seen: Mapping[str, str] = {}
    last_roll: Roll | None = None
    last_failure: Failure | None = None

    def revision(self, role: Role) -> Revision | None:
        """The version in a role."""
        return self.current if role == "model" else self.canary if role == "canary" else self.shadow

    def moved(self, role: Role, revision: Revision, at: int, why: str) -> Rollout:
        """With another version in a role; the model's own old one can be gone back to."""
        new = revision.model_copy(update={"since": at})
        if role != "model":
            return self.model_copy(update={role: new})
        roll = Roll(at=at, before=self.current.version, after=new.version, why=why)
        return self.model_copy(update={"current": new, "previous": self.current, "last_roll": roll})

    def saw(self, role: Role, version: str) -> Rollout:
        """With the version that a role's alias was acted upon at."""
        return self.model_copy(update={"seen": {**self.seen, role: version}})

    def refused(self, role: Role, version: str, at: int, reason: str) -> Rollout:
        """With a version that was not taken, which is not tried again until its alias moves."""
        failure = Failure(at=at, version=version, role=role, reason=reason[:REASON_CHARACTERS])
        return self.saw(role, version).model_copy(update={"last_failure": failure})
