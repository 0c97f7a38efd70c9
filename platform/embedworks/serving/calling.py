"""Calls of replicas in other processes: one whose replica dies is made again; refusals come as values."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

from ray.exceptions import ActorDiedError, ActorUnavailableError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from embedworks.errors import InputError
from embedworks.serving.batcher import Closed
from embedworks.serving.refusals import ApiError, of_input, unforeseen

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05  # before another replica is asked, when one dies with the request in hand
LONGEST_PAUSE_S = 1.0
RETRY_AFTER_S = 1

T = TypeVar("T")


async def or_refusal(answering: Awaitable[T]) -> T | ApiError:
    """An answer, or its refusal. A refusal is returned: raised, Serve would log it, with its message."""
    try:
        return await answering
    except ApiError as error:
        return error
    except InputError as error:
        return of_input(error)
    except Closed:
        raise
    except Exception as error:
        return unforeseen(error)


def raised(answer: T | ApiError) -> T:
    """An answer that came back; a refusal is raised.

    Raises:
        ApiError: the refusal.
    """
    if isinstance(answer, ApiError):
        raise answer
    return answer


class Caller:
    """Calls the replicas of one deployment.

    Args:
        handle: Of the replicas.
        what: They are of, for refusals: a model, an index.
        pooled: The model's name where the replicas are a pool's.
    """

    def __init__(self, handle: DeploymentHandle, what: str, pooled: str = "") -> None:
        self.handle = handle
        self._what = what
        self._pooled = pooled

    async def call(self, method: str, *args: Any) -> Any:
        """What a method returns; the request's own time limit ends the waiting for a replica.

        Raises:
            ApiError: 429 where the replicas have too many already.
        """
        if self._pooled:  # not before: a handle that gets options wants the event loop of its calls
            self.handle = self.handle.options(multiplexed_model_id=self._pooled)
            self._pooled = ""
        pause_s = FIRST_PAUSE_S
        while True:
            response = getattr(self.handle, method).remote(*args)
            try:
                return await response
            except asyncio.CancelledError:  # the request leaves the replica's queue as well
                response.cancel()
                raise
            except BackPressureError:
                raise self._too_many() from None
            except (ActorDiedError, ActorUnavailableError) as error:
                log.warning(
                    "asking another replica of %s: %s", self.handle.deployment_name, type(error).__name__
                )
                # Neither embedding nor searching has side effects, so asking twice is safe.
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _too_many(self) -> ApiError:
        return ApiError(
            429,
            f"too many requests wait for this {self._what} already",
            kind="rate_limit_error",
            code="rate_limit_exceeded",
            retry_after_s=RETRY_AFTER_S,
        )
