"""Requests and tokens a minute of each key, as token buckets (the leaky bucket as a meter).

A bucket holds a minute's quota and fills evenly. Counted in the door's own process: with several replicas
of the door a key may get as many times its quota.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from embedworks.serving.keys import Key
from embedworks.serving.refusals import ApiError

MINUTE_S = 60.0
Clock = Callable[[], float]


class Bucket:
    """A quota of so many a minute.

    Args:
        limit: What it holds, and gains in a minute.
        clock: Seconds; for tests.
    """

    def __init__(self, limit: int, clock: Clock = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._level = float(limit)
        self._then = clock()

    def level(self) -> float:
        """What is left; below zero where more was used than was estimated."""
        now = self._clock()
        self._level = min(self.limit, self._level + (now - self._then) * self.limit / MINUTE_S)
        self._then = now
        return self._level

    def seconds_until(self, level: float) -> float:
        """How long until so much is there again."""
        return max(0.0, (min(level, self.limit) - self.level()) * MINUTE_S / self.limit)

    def take(self, amount: float) -> bool:
        """Take it if it is there; more than a full bucket is taken from a full one, which then owes it."""
        if self.level() < min(amount, self.limit):
            return False
        self._level -= amount
        return True

    def give(self, amount: float) -> None:
        """Give back what was not used; a negative amount was used beyond the estimate."""
        self._level = min(self.limit, self.level() + amount)


class Quota:
    """What one key may still ask for.

    Args:
        key: Whose it is.
        clock: Seconds; for tests.
    """

    def __init__(self, key: Key, clock: Clock = time.monotonic) -> None:
        self.key = key
        self.requests = Bucket(key.requests_per_minute, clock) if key.requests_per_minute else None
        self.tokens = Bucket(key.tokens_per_minute, clock) if key.tokens_per_minute else None

    def take_request(self) -> None:
        """Count a request, answered or not.

        Raises:
            ApiError: 429 where the quota is used up.
        """
        if self.requests and not self.requests.take(1):
            raise self._refusal("requests", self.requests, 1)

    def take_tokens(self, estimate: int) -> None:
        """Reserve tokens before they are counted.

        Raises:
            ApiError: 429 where the quota has not so many left.
        """
        if self.tokens and not self.tokens.take(estimate):
            raise self._refusal("tokens", self.tokens, estimate)

    def settle(self, estimate: int, used: int) -> None:
        """Replace a reservation by what was used; nothing where there was no answer."""
        if self.tokens:
            self.tokens.give(estimate - used)

    def headers(self) -> dict[str, str]:
        """OpenAI's ``x-ratelimit-*`` of the quotas that the key has."""
        found = {}
        for word, bucket in (("requests", self.requests), ("tokens", self.tokens)):
            if bucket:
                found[f"x-ratelimit-limit-{word}"] = str(bucket.limit)
                found[f"x-ratelimit-remaining-{word}"] = str(max(0, math.floor(bucket.level())))
                found[f"x-ratelimit-reset-{word}"] = duration(bucket.seconds_until(bucket.limit))
        return found

    def _refusal(self, word: str, bucket: Bucket, wanted: int) -> ApiError:
        seconds = max(1, math.ceil(bucket.seconds_until(wanted)))
        return ApiError(
            429,
            f"rate limit reached for key {self.key.name!r}: {bucket.limit} {word} per minute; "
            f"try again in {seconds} s",
            kind=word,
            code="rate_limit_exceeded",
            retry_after_s=seconds,
        )


def duration(seconds: float) -> str:
    """Seconds as OpenAI's headers have them.

    >>> duration(0), duration(0.25), duration(1.5), duration(360)
    ('0s', '250ms', '1.5s', '6m0s')
    """
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms" if seconds else "0s"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:.3g}s" if minutes else f"{rest:.3g}s"
