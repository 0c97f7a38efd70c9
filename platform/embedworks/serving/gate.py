"""Who may ask, and for how much: the keys, quotas and limits of an endpoint as its door applies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embedworks.serving.keys import Key, KeyRing
from embedworks.serving.limits import Limits, check_limits, estimated_tokens
from embedworks.serving.quotas import Quota
from embedworks.task import Answered, EmbeddingRequest


class Gate:
    """Lets requests in.

    Args:
        keys: Of the endpoint; with none, everybody is let in.
        limits: Of one request.
        before: The gate that this one replaces; quotas of keys that stay go on where they were.
    """

    def __init__(
        self, keys: Sequence[Key] = (), limits: Limits | None = None, before: Gate | None = None
    ) -> None:
        self.limits = limits or Limits()
        self.is_open = not keys
        self._anyone = Visit(self.limits, None)  # without a quota, a visit has nothing to remember
        self._ring = KeyRing(keys)
        old: Mapping[str, Quota] = before._quotas if before else {}
        self._quotas: dict[str, Quota] = {key.id: _quota(key, old) for key in keys}

    def admit(self, headers: Mapping[bytes, bytes]) -> Visit:
        """Let a request in.

        Raises:
            ApiError: 401 without a right key.
        """
        if self.is_open:
            return self._anyone
        return Visit(self.limits, self._quotas[self._ring.find(headers).id])


class Visit:
    """One request that was let in: what it takes from its key's quota.

    Args:
        limits: Of one request.
        quota: Of its key, if it has one.
    """

    def __init__(self, limits: Limits, quota: Quota | None) -> None:
        self._limits = limits
        self._quota = quota
        self._reserved = 0

    @property
    def key_id(self) -> str | None:
        """Of the key that was used, where keys are asked for."""
        return self._quota.key.id if self._quota else None

    @property
    def key_name(self) -> str:
        """Whose key it is; empty where no keys are asked for."""
        return self._quota.key.name if self._quota else ""

    def count(self) -> None:
        """Count the request.

        Raises:
            ApiError: 429 where the key has none left.
        """
        if self._quota:
            self._quota.take_request()

    def reserve(self, asked: Sequence[EmbeddingRequest], body_bytes: int) -> None:
        """Check what is asked for, in a body of so many bytes, against the limits, and reserve its tokens.

        Raises:
            ApiError: 400 or 413 beyond a limit, 429 beyond the quota.
            InputError: for inputs that are empty or mixed.
        """
        check_limits(asked, self._limits, body_bytes)
        if self._quota and self._quota.tokens:
            estimate = estimated_tokens(asked)
            self._quota.take_tokens(estimate)
            self._reserved = estimate

    def settle(self, answers: Sequence[Answered] = ()) -> None:
        """Replace the reservation by what was read; without answers, give it back."""
        if self._quota and self._reserved:
            self._quota.settle(self._reserved, sum(answer.prompt_tokens for answer in answers))
            self._reserved = 0

    def headers(self) -> dict[str, str]:
        """``x-ratelimit-*``, where the key has quotas."""
        return self._quota.headers() if self._quota else {}


def _quota(key: Key, old: Mapping[str, Quota]) -> Quota:
    found = old.get(key.id)
    return found if found is not None and found.key == key else Quota(key)
