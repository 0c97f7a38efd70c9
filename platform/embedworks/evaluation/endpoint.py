"""A model behind an HTTP endpoint that speaks OpenAI's embeddings API, as an encoder of texts."""

from __future__ import annotations

import logging
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import orjson

from embedworks.errors import InputError, first_line
from embedworks.evaluation.encoder import Vectors

logger = logging.getLogger(__name__)

BATCH = 64  # texts of a request
REQUESTS = 4  # at a time, so that batches and replicas of the server fill
ATTEMPTS = 6
TIMEOUT = 120.0  # seconds for one answer
LONGEST_WAIT = 30.0  # seconds between two attempts
BUSY = (408, 429, 500, 502, 503, 504)
REFUSED = (400, 413, 422)  # as servers say that an input is too long
UNTRAINED = "untrained_size"  # our endpoints' code for layers that a model was not trained at
KEPT = 0.75  # of a text that is refused
SHORTEST = 16  # characters: what refuses so few refuses for another reason


class Refused(Exception):
    """The endpoint refuses what it was sent."""


class Endpoint:
    """A served model.

    Args:
        url: Of the API: ``http://127.0.0.1:8000/v1``.
        model: Name of the model there.
        api_key: Sent as a bearer token.
        card: What ``/models/NAME`` says of it; platforms other than ours say little.
    """

    def __init__(self, url: str, model: str, api_key: str | None, card: dict[str, Any]) -> None:
        self.url = url
        self.model = model
        self.created = card.get("created", 0)
        self.about: dict[str, Any] = card.get("embedworks", {})
        self.prompt_names: list[str] = self.about.get("prompts", [])
        self._api_key = api_key

    @classmethod
    def open(cls, address: str, api_key: str | None = None) -> Endpoint:
        """The model of ``http://host:port/v1#model``; a server with a single model needs no ``#model``.

        Raises:
            InputError: for an address where no such server or no such model answers.
        """
        url, _, model = address.partition("#")
        url = url.rstrip("/")
        try:
            listed = ask(f"{url}/models", None, api_key)["data"]
            cards = {card["id"]: card for card in listed}
        except (Refused, KeyError, TypeError) as error:
            raise InputError(f"{url} does not list its models: {error}", expected=FORM) from error
        if not model and len(cards) == 1:
            (model,) = cards
        if model not in cards:
            names = ", ".join(cards) or "none"
            what = f"{url} serves no model {model!r}" if model else f"{url} serves several models"
            raise InputError(what, expected=f"{url}#MODEL with one of {names}", name=model, known=cards)
        return cls(url, model, api_key, cards[model])

    def encode(
        self,
        texts: Sequence[str],
        *,
        prompt: str = "",
        layers: int | None = None,
        dimensions: int | None = None,
    ) -> Vectors:
        """``(N, d)`` vectors of the texts, asked for in batches, several at a time.

        A text that the server refuses is cut until it is taken, with a warning.

        Args:
            texts: What to embed.
            prompt: The name of one of the server's prompts, or a text to put in front.
            layers: Read after so many; an extension that our endpoints have.
            dimensions: Keep the first so many.

        Raises:
            InputError: for an endpoint that does not answer, or refuses even short texts.
        """
        options: dict[str, Any] = {} if layers is None else {"layers": layers}
        if prompt in self.prompt_names:
            options["prompt_name"], prompt = prompt, ""
        whole = [prompt + text for text in texts]
        batches = [whole[start : start + BATCH] for start in range(0, len(whole), BATCH)]
        with ThreadPoolExecutor(REQUESTS) as pool:
            found = list(pool.map(lambda batch: self._embed(batch, options), batches))
        return np.concatenate(found)[:, :dimensions]

    def _embed(self, texts: list[str], options: dict[str, Any]) -> Vectors:
        body = {"model": self.model, "input": texts, "encoding_format": "float", **options}
        try:
            rows = ask(f"{self.url}/embeddings", body, self._api_key)["data"]
        except Refused as error:
            return self._embed_parts(texts, options, error)
        rows.sort(key=lambda row: row["index"])
        return np.array([row["embedding"] for row in rows], dtype=np.float32)

    def _embed_parts(self, texts: list[str], options: dict[str, Any], error: Refused) -> Vectors:
        """Find the text that was refused by halves, and cut it."""
        if len(texts) > 1:
            half = len(texts) // 2
            return np.concatenate([self._embed(texts[:half], options), self._embed(texts[half:], options)])
        shorter = texts[0][: int(len(texts[0]) * KEPT)]
        if len(shorter) < SHORTEST:
            raise InputError(f"{self.url} refuses a text of {len(texts[0])} characters: {error}")
        logger.warning("%s: cut a text to %d characters: %s", self.model, len(shorter), error)
        return self._embed([shorter], options)


FORM = "http://HOST:PORT/v1#MODEL of a server that speaks OpenAI's embeddings API"


def ask(url: str, body: dict[str, Any] | None, api_key: str | None, form: str = FORM) -> Any:
    """GET, or POST with a body; waits and asks again where the server is busy.

    Args:
        url: Whole.
        body: Sent as JSON.
        api_key: Sent as a bearer token.
        form: The form of a right address, for messages.

    Returns:
        The answer's JSON.

    Raises:
        Refused: where the body is the fault.
        InputError: for a server that does not answer, or answers otherwise.
    """
    headers = {"Content-Type": "application/json"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    request = urllib.request.Request(url, orjson.dumps(body) if body else None, headers)
    for attempt in range(ATTEMPTS):
        wait = min(LONGEST_WAIT, 2.0**attempt)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return orjson.loads(answer.read())
        except urllib.error.HTTPError as error:
            reason, code = _reason(error)
            if code == UNTRAINED:  # no shorter text would be taken
                raise InputError(
                    f"{url}: {reason}", expected="`sizes: any` in its configuration"
                ) from error
            if error.code in REFUSED:
                raise Refused(reason) from error
            if error.code not in BUSY:
                raise InputError(
                    f"{url} answers {error.code}: {reason}", expected=_hint(error, form)
                ) from error
            wait = min(LONGEST_WAIT, float(error.headers.get("Retry-After") or wait))
        except (OSError, ValueError) as error:
            if attempt or not body:  # a server that never answered is not waited for
                raise InputError(f"{url} does not answer: {first_line(error)}", expected=form) from error
            reason = first_line(error)
        if attempt + 1 < ATTEMPTS:
            time.sleep(wait)
    raise InputError(f"{url} stays busy: {reason}", expected="an endpoint with room")


def _reason(error: urllib.error.HTTPError) -> tuple[str, str | None]:
    """The message and the code of a refusal in OpenAI's shape, or what there is."""
    text = error.read().decode(errors="replace")
    try:
        fault = orjson.loads(text)["error"]
        return str(fault["message"]), fault.get("code")
    except (ValueError, KeyError, TypeError, AttributeError):
        return text[:200] or error.reason, None


def _hint(error: urllib.error.HTTPError, form: str) -> str:
    return "a key, by --api-key or EMBEDWORKS_API_KEY" if error.code in (401, 403) else form
