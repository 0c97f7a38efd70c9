"""Requests that are not answered, in OpenAI's shape."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Container, Mapping, Sequence
from pathlib import PurePath

import msgspec

from embedworks.errors import InputError, nearest

log = logging.getLogger(__name__)

ECHOED = 64  # characters of a client's own words that a message repeats


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a request."""

    message: str
    type: str
    param: str | None
    code: str | None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is not 200."""

    error: Fault


class ApiError(Exception):
    """A request that is not answered.

    Args:
        status: HTTP status.
        message: What is wrong, what was expected.
        param: The request's field at fault.
        code: OpenAI's machine-readable code.
        kind: OpenAI's ``type``.
        retry_after_s: Seconds after which trying again makes sense.
        headers: More headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})
        self.error: dict[str, str | None] = {"message": message, "type": kind, "param": param, "code": code}

    def __reduce__(self) -> tuple[object, ...]:
        # Rooms in other processes hand refusals over by pickling them.
        return (_rebuild_error, (self.status, self.error, self.retry_after_s, self.headers))

    def body(self) -> bytes:
        """The JSON body."""
        return msgspec.json.encode({"error": self.error})


def _rebuild_error(
    status: int, error: dict[str, str | None], retry_after_s: int | None, headers: dict[str, str]
) -> ApiError:
    twin = ApiError(status, str(error["message"]), retry_after_s=retry_after_s, headers=headers)
    twin.error = error
    return twin


def bad_input(message: str) -> ApiError:
    """400 for the field ``input``."""
    return ApiError(400, message, param="input")


def too_large(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """413 for a body, an input or a request that is larger than what is taken."""
    return ApiError(413, message, param=param, code=code)


def of_input(error: InputError, fields: Container[str] = ("input",)) -> ApiError:
    """400 for what a task refuses; ``where`` is the field, if the request has one of that name."""
    message = str(error).removeprefix(f"{error.where}: ")
    return ApiError(400, message, param=error.where if error.where in fields else None)


def unforeseen(error: Exception) -> ApiError:
    """500 for a failure of ours, which is logged.

    The log says where it failed, without the message: that of an unforeseen error may hold a client's text.
    """
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("a request failed with %s at\n%s", type(error).__name__, places)
    return ApiError(500, "the server had an error; see its log", kind="server_error")


def place_of(error: Exception) -> str:
    """Where an error was raised, as ``file.py:line``."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"


def unknown_model(name: str, known: Sequence[str]) -> ApiError:
    """404 naming the nearest model."""
    hint = nearest(name[:ECHOED], known)
    ending = f"; did you mean {hint!r}?" if hint else f"; this endpoint serves {', '.join(known)}"
    message = f"the model {shown(name)} does not exist{ending}"
    return ApiError(404, message, param="model", code="model_not_found")


def shown(text: str) -> str:
    """A client's own word, quoted and not too long.

    >>> shown("tinny"), len(shown("x" * 1000))
    ("'tinny'", 67)
    """
    return repr(text if len(text) <= ECHOED else text[: ECHOED - 1] + "...")
