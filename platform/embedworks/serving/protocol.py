"""What door and rooms say to each other, and the bodies of OpenAI's embeddings API.

Beyond OpenAI's, a request may carry ``layers``, a prompt, ``dtype`` and ``truncate``, and an input may be
an image: as a data URI, or as an object that has an image, a text, or both for one mixed vector. An answer
whose size was asked for says in ``embedworks`` which layers and dimensions were read.
"""

from __future__ import annotations

from embedworks.serving.codec import Codec
from embedworks.serving.refusals import ApiError, bad_input, of_input, unknown_model
from embedworks.task import Answer, EmbeddingRequest, Part, Parts, Strings, TokenLists

__all__ = [
    "Answer",
    "ApiError",
    "EmbeddingRequest",
    "Part",
    "Parts",
    "Strings",
    "TokenLists",
    "bad_input",
    "of_input",
    "parse_request",
    "unknown_model",
]

_CODEC = Codec(EmbeddingRequest)


def parse_request(body: bytes) -> EmbeddingRequest:
    """Read the body of an embeddings request.

    Raises:
        ApiError: 400, naming the field and what it should be.
    """
    request: EmbeddingRequest = _CODEC.decode(body)
    return request
