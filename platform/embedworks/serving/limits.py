"""What one request may ask for, checked by the door before a model is troubled."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from embedworks.serving.refusals import ApiError, too_large
from embedworks.task import EmbeddingRequest, Part

CHARACTERS_PER_TOKEN = 4  # of English text; an estimate, which the true number replaces
MAX_CHARACTERS = 1_000_000  # of a text that any model tokenises: seconds of a thread
IMAGE_PREFIX = "data:image/"


class Limits(BaseModel):
    """Bounds of a request; what is beyond them gets 413 or, for the timeout, 504."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body_bytes: int = Field(default=32 * 2**20, ge=1, description="of a request")
    inputs_per_request: int = Field(
        default=2048, ge=1, description="texts, token lists and images together"
    )
    characters_per_text: int = Field(
        default=200_000, ge=1, le=MAX_CHARACTERS, description="before anything is tokenised"
    )
    timeout_s: float = Field(default=60, gt=0, description="from the first byte to the answer")


def check_limits(asked: Sequence[EmbeddingRequest], limits: Limits, body_bytes: int) -> None:
    """Refuse too many or too long inputs.

    Args:
        asked: What a task asks for.
        limits: Of the endpoint.
        body_bytes: Of the request: no text in it is longer, so most need no closer look.

    Raises:
        ApiError: 400 for too many, as OpenAI has it, 413 for one that is too long.
        InputError: for inputs that are empty or mixed, where they were looked at.
    """
    number = sum(map(_count, asked))
    if number > limits.inputs_per_request:
        message = f"{number} inputs in one request; expected at most {limits.inputs_per_request}"
        raise ApiError(400, message, param="input")
    if body_bytes <= limits.characters_per_text:
        return
    for request in asked:
        for place, one in enumerate(request.inputs()):
            text = one.text or "" if isinstance(one, Part) else one
            if len(text) > limits.characters_per_text and not _is_image(text):
                most = limits.characters_per_text
                message = f"input {place} has {len(text)} characters; expected at most {most}"
                raise too_large(message, param="input", code="string_above_max_length")


def estimated_tokens(asked: Sequence[EmbeddingRequest]) -> int:
    """About how many tokens the texts have; images have none."""
    return sum(_estimate(one) for request in asked for one in request.inputs())


def _count(request: EmbeddingRequest) -> int:
    """How many inputs there are, at a glance; the room looks closer."""
    given = request.input
    return len(given) if isinstance(given, list) and given and not isinstance(given[0], int) else 1


def _estimate(one: str | list[int] | Part) -> int:
    if isinstance(one, list):
        return len(one)
    text = one.text or "" if isinstance(one, Part) else one
    return 0 if _is_image(text) else 2 + len(text) // CHARACTERS_PER_TOKEN


def _is_image(text: object) -> bool:
    return isinstance(text, str) and text.startswith(IMAGE_PREFIX)
