"""The concepts that an answer's dimensions stand for."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from embedworks.errors import InputError
from embedworks.task import Answer

MAX_TEXTS = 1000
TextInput = Annotated[str, Meta(min_length=1)]
Texts = TextInput | Annotated[list[TextInput], Meta(min_length=1, max_length=MAX_TEXTS)]
Top = Annotated[int, Meta(ge=1, le=1000, description="concepts, those that count most first")]


def names_of(answer: Answer, model: str) -> tuple[str, ...]:
    """The concepts of an answer's dimensions.

    Raises:
        InputError: for a model whose dimensions stand for nothing by themselves.
    """
    if not answer.names:
        raise InputError(
            f"the dimensions of {model!r} have no names; expected a model of concepts",
            where="model",
        )
    return answer.names
