"""OpenAI's embeddings API, to the letter: what is read, what is answered, and what is refused.

Beyond it, a request may carry ``layers`` and ``prompt_name``, and an input may be an image: as a data
URI, or as an object that has an image, a text, or both for one mixed vector. An answer whose size was
asked for, or that the model was not trained for, says in ``embedworks`` which layers and dimensions were
read.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from embedworks.errors import nearest

MAX_INPUTS = 2048  # OpenAI's limit a request

INPUTS = "a text, texts, token ids, lists of token ids, or objects with a text or an image"

Strings = list[str]
TokenLists = list[list[int]]


class ApiError(Exception):
    """A request that is not answered, in OpenAI's shape.

    Args:
        status: HTTP status.
        message: What is wrong, what was expected.
        param: The request's field at fault.
        code: OpenAI's machine-readable code.
        kind: OpenAI's ``type``.
        retry_after_s: Seconds after which trying again makes sense.
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
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.error: dict[str, str | None] = {"message": message, "type": kind, "param": param, "code": code}

    def __reduce__(self) -> tuple[object, ...]:
        # Rooms in other processes hand refusals over by pickling them.
        return (_rebuild_error, (self.status, self.error, self.retry_after_s))

    def body(self) -> bytes:
        """The JSON body."""
        return orjson.dumps({"error": self.error})


def _rebuild_error(status: int, error: dict[str, str | None], retry_after_s: int | None) -> ApiError:
    twin = ApiError(status, str(error["message"]), retry_after_s=retry_after_s)
    twin.error = error
    return twin


class Part(BaseModel):
    """One input that says what it is. With image and text it becomes their weighed sum, normalised.

    ALIGN (Jia et al. 2021, section 5.4) weighs the text twice; a negative weight takes a concept away.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: str | None = Field(default=None, min_length=1)
    image: str | None = Field(default=None, min_length=1, description="a data URI or bare base64")
    w_image: float = Field(default=1.0, allow_inf_nan=False)
    w_text: float = Field(default=2.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _something(self) -> Part:
        if self.text is None and self.image is None:
            raise ValueError("an input object has a text, an image, or both")
        return self


Parts = list[str | Part]


class EmbeddingRequest(BaseModel):
    """The body of ``POST /v1/embeddings``."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    input: Annotated[
        str | Strings | list[int] | TokenLists | Part | list[str | Part], Field(union_mode="left_to_right")
    ]
    model: str
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None
    layers: int | None = Field(default=None, description="read after this many layers")
    prompt_name: str | None = Field(default=None, description="one of the model's prompts")

    def inputs(self) -> Strings | TokenLists | Parts:
        """The inputs as a list: all texts, all token ids, or texts and objects.

        Raises:
            ApiError: for no input, an empty one, or too many.
        """
        one = isinstance(self.input, str | Part) or bool(self.input and isinstance(self.input[0], int))
        many: Any = [self.input] if one else self.input
        if not many or not all(many):
            raise bad_input("the input is empty; expected at least one text, none of them empty")
        if len(many) > MAX_INPUTS:
            raise bad_input(f"{len(many)} inputs in one request; expected at most {MAX_INPUTS}")
        checked: Strings | TokenLists | Parts = many
        return checked


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        vectors: ``(n, d)`` float32, contiguous.
        prompt_tokens: Tokens read, special ones included.
        flag: ``{layers, dimensions, trained}``, or None where the full model was read as usual.
    """

    vectors: NDArray[np.float32]
    prompt_tokens: int
    flag: dict[str, int | bool] | None = None


def parse_request(body: bytes) -> EmbeddingRequest:
    """Read the body of an embeddings request.

    Raises:
        ApiError: 400, naming the field and what it should be.
    """
    try:
        return EmbeddingRequest.model_validate_json(body)
    except ValidationError as error:
        raise _explain(error) from None


def render_answer(answer: Answer, model: str, encoding_format: str | None) -> bytes:
    """The JSON body of an answer, vectors as numbers or as base64 of little-endian float32."""
    vectors: Iterable[Any] = answer.vectors
    if encoding_format == "base64":
        vectors = (base64.b64encode(row.astype("<f4", copy=False)).decode() for row in answer.vectors)
    body: dict[str, Any] = {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)],
        "model": model,
        "usage": {"prompt_tokens": answer.prompt_tokens, "total_tokens": answer.prompt_tokens},
    }
    if answer.flag is not None:
        body["embedworks"] = answer.flag
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def bad_input(message: str) -> ApiError:
    """400 for the field ``input``."""
    return ApiError(400, message, param="input")


def unknown_model(name: str, known: Sequence[str]) -> ApiError:
    """404 naming the nearest model."""
    hint = nearest(name, known)
    ending = f"; did you mean {hint!r}?" if hint else f"; this endpoint serves {', '.join(known)}"
    message = f"the model {name!r} does not exist{ending}"
    return ApiError(404, message, param="model", code="model_not_found")


def _object_fault(error: ValidationError) -> str | None:
    """What is wrong with an input object, where there is one; each branch of the union complains."""
    for one in error.errors(include_url=False):
        last = str(one["loc"][-1])
        of_object = any(str(step).endswith("Part]") and "union" not in str(step) for step in one["loc"])
        if not of_object or one["type"] == "model_type":
            continue
        if one["type"] == "value_error":
            return (
                str(one["msg"]).removeprefix("Value error, ").replace("an input object has", "objects with")
            )
        fault = str(one["msg"]).removeprefix("Input ").removeprefix("Extra inputs are ")
        return f"texts or objects with {', '.join(Part.model_fields)}; {last!r} {fault}"
    return None


def _explain(error: ValidationError) -> ApiError:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else None
    if field is None:
        return ApiError(400, f"the body is not a JSON object as expected: {first['msg']}")
    if first["type"] == "extra_forbidden":
        hint = nearest(field, EmbeddingRequest.model_fields)
        ending = f"; did you mean {hint!r}?" if hint else ""
        return ApiError(400, f"unrecognized request argument: {field!r}{ending}", param=field)
    if first["type"] == "missing":
        return ApiError(400, f"you must provide {field!r}", param=field)
    if field == "input":
        return bad_input(f"'input' must be {_object_fault(error) or INPUTS}")
    return ApiError(400, f"{field!r} is not valid: {first['msg']}", param=field)
