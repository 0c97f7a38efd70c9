"""JSON bodies to typed requests and back: msgspec structs at full speed, pydantic models as well."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from embedworks.errors import nearest
from embedworks.serving.refusals import ECHOED, ApiError, bad_input, shown
from embedworks.task import INPUTS

REF = "#/components/schemas/{name}"
UNKNOWN = re.compile(r"unknown field `(.*)`", re.DOTALL)
MISSING = re.compile(r"missing required field `(.*)`", re.DOTALL)
PLACE = re.compile(r" - at `\$(.*)`$", re.DOTALL)


class Codec:
    """Reads and writes the bodies of one type.

    Args:
        type: A msgspec struct or a pydantic model.
    """

    def __init__(self, type: type[Any]) -> None:
        self.type = type
        self.is_pydantic = issubclass(type, BaseModel)
        self.fields = tuple(type.model_fields if self.is_pydantic else type.__struct_fields__)
        self._decoder = None if self.is_pydantic else msgspec.json.Decoder(type)

    def decode(self, body: bytes) -> Any:
        """A body as an instance of the type.

        Raises:
            ApiError: 400, naming the field and what it should be.
        """
        if self._decoder is None:
            return self._validate(body)
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise self._explain(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _not_json(error) from None
        except RecursionError:
            raise ApiError(400, "the body is nested too deeply") from None

    def _validate(self, body: bytes) -> Any:
        try:
            return self.type.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = [str(step) for step in first["loc"]]
            if not place:
                raise ApiError(400, f"the body cannot be read: {first['msg'][:200]}") from None
            if first["type"] == "extra_forbidden":
                raise self._unknown(place[-1]) from None
            raise ApiError(400, f"{'.'.join(place)}: {first['msg']}", param=place[0]) from None

    def _explain(self, message: str) -> ApiError:
        at = PLACE.search(message)
        place = at.group(1) if at else ""
        words = message[: at.start()] if at else message
        field = re.split(r"[.\[]", place.removeprefix("."), maxsplit=1)[0] or None
        if field == "input":
            return bad_input(
                f"'input' must be {INPUTS}: {_lower(words)}{f' at {place[1:]}' if place else ''}"
            )
        if found := UNKNOWN.search(words):
            return self._unknown(found.group(1)) if field is None else _at(place, words, field)
        if found := MISSING.search(words):
            missing = found.group(1)
            return ApiError(400, f"you must provide {missing!r}", param=field or missing)
        if field is None:
            return ApiError(400, f"the body cannot be read: {_lower(words)}")
        choices = self._choices(field) if "enum value" in words else ()
        expected = f"; expected one of {', '.join(map(str, choices))}" if choices else ""
        return _at(place, words + expected, field)

    def _choices(self, field: str) -> list[Any]:
        """The values of a field that takes a few only."""
        schema = components([self.type])[self.type.__name__]["properties"].get(field, {})
        branches = schema.get("anyOf", [schema])
        return [value for branch in branches for value in branch.get("enum", ())]

    def _unknown(self, name: str) -> ApiError:
        hint = nearest(name[:ECHOED], self.fields)
        ending = f"; did you mean {hint!r}?" if hint else ""
        return ApiError(400, f"unrecognized request argument: {shown(name)}{ending}", param=name[:ECHOED])


def encode(response: Any) -> bytes:
    """A response as JSON; bytes are JSON already."""
    if isinstance(response, bytes):
        return response
    if isinstance(response, BaseModel):
        return response.model_dump_json().encode()
    return msgspec.json.encode(response)


def components(types: Iterable[type[Any]]) -> dict[str, Any]:
    """JSON schemas of types and of all that they are made of, by name."""
    every = list(types)
    structs = [one for one in every if not issubclass(one, BaseModel)]
    models = [one for one in every if issubclass(one, BaseModel)]
    _, found = msgspec.json.schema_components(structs, ref_template=REF)
    if models:
        pairs: list[Any] = [(model, "validation") for model in models]
        _, schema = models_json_schema(pairs, ref_template=REF.replace("name", "model"))
        found |= schema.get("$defs", {})
    return dict(sorted(found.items()))


def _at(place: str, words: str, field: str) -> ApiError:
    return ApiError(400, f"{place.removeprefix('.')[:ECHOED]!r} is not valid: {_lower(words)}", param=field)


def _not_json(error: Exception) -> ApiError:
    return ApiError(400, f"the body is not JSON: {_lower(str(error))}")


def _lower(words: str) -> str:
    return words[:300] if words[:2].isupper() else words[:1].lower() + words[1:300]
