"""Prompts with a place for the text: ``This sentence : "{sentence}" means in one word:"``.

A prompt without a place is put in front of a text, as ever. One with a place is a template, and says by its
form which tokens are the vector's:

- words behind the last place: the last token alone, which is about to say the answer (PromptEOL);
- several places: the tokens of the text's last occurrence, which have seen the whole text (echo);
- one place at the end: all tokens.

``{text}`` is the text as it is, ``{sentence}`` as :func:`prepared` makes it. Several templates that are
joined by :data:`AND` are read one by one, and their raw vectors averaged (MetaEOL).

Pieces are tokenised each by itself, as echo's own code does: a text's tokens are the same at every place,
and what is too long is cut from the text, never from the end of the prompt. Nothing stands behind the last
piece, no EOS either: an open quotation mark asks for a word. Which tokens of a row are pooled is read from
the ids alone, so that training, evaluation and serving agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.transforms.tokenizer import PortableTokenizer, TokenIds
from embedworks.transforms.tokens import lists_array

AND = "\f"  # between templates that are averaged
PLACE = re.compile(r"\{(text|sentence)\}")
ENDS = (".", "?", '"', "'")

Span = tuple[int, int]
Floats = TypeVar("Floats", bound=NDArray[np.float32])

# Shape legend: N texts, K templates that are averaged, D width.


def prepared(text: str) -> str:
    """A text as a sentence between quotation marks: it ends, is no question, and closes no quotation.

    Example:
        >>> prepared('the "red" bird'), prepared("who sings?")
        ("the 'red' bird.", 'who sings.')
    """
    text = text.strip()
    if text and not text.endswith(ENDS):
        text += "."
    text = text.replace('"', "'")
    return text[:-1] + "." if text.endswith("?") else text


@dataclass(frozen=True)
class Template:
    """A prompt with places.

    Attributes:
        pieces: What stands in front of each place, and behind the last one.
        is_sentence: Whether the text is :func:`prepared`.
    """

    pieces: tuple[str, ...]
    is_sentence: bool

    @classmethod
    def of(cls, prompt: str) -> Template | None:
        """The template that a prompt is; None for one that is put in front.

        Raises:
            InputError: for places of both kinds.
        """
        kinds = set(PLACE.findall(prompt))
        if not kinds:
            return None
        if len(kinds) > 1:
            raise InputError(
                f"the prompt {prompt!r} has places of two kinds", expected="{text} or {sentence}"
            )
        return cls(tuple(PLACE.split(prompt)[::2]), kinds == {"sentence"})


def templates_of(prompt: str) -> list[str]:
    """The prompts that one consists of: itself, or those that :data:`AND` joins."""
    return prompt.split(AND)


def is_template(prompt: str) -> bool:
    """Whether a prompt says more than what is put in front of a text."""
    return AND in prompt or PLACE.search(prompt) is not None


def average(vectors_MD: Floats, templates: int) -> Floats:
    """``(N*K, D)`` vectors of N texts under K templates each, text by text, to the means ``(N, D)``."""
    if templates == 1:
        return vectors_MD
    means_ND: Floats = vectors_MD.reshape(-1, templates, vectors_MD.shape[1]).mean(1)
    return means_ND


@dataclass(frozen=True)
class Frame:
    """A template's tokens, one list a piece.

    Attributes:
        pieces: Of each piece; the first begins with the tokenizer's own special tokens.
        lead: What the text begins with at every place: a blank belongs to the word behind it.
    """

    pieces: tuple[tuple[int, ...], ...]
    lead: str

    @property
    def fixed(self) -> int:
        """Tokens without those of the text."""
        return sum(map(len, self.pieces))

    @property
    def places(self) -> int:
        """How often the text stands in it."""
        return len(self.pieces) - 1

    def fill(self, text: Sequence[int], length: int | None) -> list[int]:
        """A row, its text cut so that it has at most ``length`` tokens."""
        room = len(text) if length is None else (length - self.fixed) // self.places
        row = list(self.pieces[0])
        for piece in self.pieces[1:]:
            row += [*text[:room], *piece]
        return row

    def span(self, row: Sequence[int]) -> Span | None:
        """From where to where a row of this template is pooled; None for a row of another kind."""
        text, rest = divmod(len(row) - self.fixed, self.places)
        if text < 0 or rest:
            return None
        place = 0
        for number, piece in enumerate(self.pieces):
            if tuple(row[place : place + len(piece)]) != piece:
                return None
            place += len(piece) + (text if number < self.places else 0)
        end = len(row) - len(self.pieces[-1])
        if self.places == 1 and self.pieces[-1]:
            return len(row) - 1, len(row)
        return (end - text, end) if self.places > 1 and text else (len(row) - 1, len(row))


class PromptReader:
    """A tokenizer and a model's prompts: texts to token ids, and which of these are pooled.

    Args:
        tokens: The tokenizer.
        prompts: Those by whose form rows are known again.

    Raises:
        InputError: for a template with a slow tokenizer, whose special tokens cannot be told apart.
    """

    def __init__(self, tokens: PortableTokenizer, prompts: Iterable[str] = ()) -> None:
        self.tokens = tokens
        self._frames: dict[str, tuple[Template, Frame]] = {}
        self._known: list[Frame] = []
        for prompt in prompts:
            self.learn(prompt)

    @property
    def pad_id(self) -> int:
        """What stands in the padding."""
        return self.tokens.pad_id

    def learn(self, prompt: str) -> None:
        """Know a prompt's rows again by their tokens."""
        for one in templates_of(prompt):
            template = Template.of(one)
            if template is None or one in self._frames:
                continue
            frame = self._frame(template)
            self._frames[one] = (template, frame)
            if frame.places > 1 or frame.pieces[-1]:
                self._known = sorted([*self._known, frame], key=lambda each: -each.fixed)

    def lists(self, texts: Sequence[str], length: int | None, prompt: str = "") -> TokenIds:
        """Token ids of every text under every one of the prompt's templates, text by text.

        Args:
            texts: N texts.
            length: Most tokens of a row; None: however many.
            prompt: One of the model's, or any other.

        Returns:
            ``N * K`` lists.

        Raises:
            InputError: for a template that leaves no room for a text.
        """
        if not is_template(prompt):
            return self.tokens.lists([prompt + text for text in texts], length)
        self.learn(prompt)
        rows = [self._rows(texts, length, one) for one in templates_of(prompt)]
        return [row for of_text in zip(*rows, strict=True) for row in of_text]

    def spans(self, ids: Sequence[Sequence[int]]) -> list[Span] | None:
        """From where to where each row is pooled; None where no prompt says anything of it."""
        if not self._known:
            return None
        return [self._span(row) for row in ids]

    def _span(self, row: Sequence[int]) -> Span:
        found = (frame.span(row) for frame in self._known)
        return next((span for span in found if span is not None), (0, len(row)))

    def _rows(self, texts: Sequence[str], length: int | None, prompt: str) -> TokenIds:
        if prompt not in self._frames:
            return self.tokens.lists([prompt + text for text in texts], length)
        template, frame = self._frames[prompt]
        if length is not None and length < frame.fixed + frame.places:
            raise InputError(
                f"the prompt {prompt!r} takes {frame.fixed} tokens and leaves none for a text",
                expected=f"more than {length} tokens",
            )
        read = map(prepared, texts) if template.is_sentence else texts
        return [frame.fill(row, length) for row in self._bare([frame.lead + text for text in read])]

    def _frame(self, template: Template) -> Frame:
        lead = " " if template.pieces[0].endswith(" ") else ""
        *inner, tail = template.pieces
        pieces = [piece.removesuffix(" ") if lead else piece for piece in inner]
        before, _ = self._ends()
        first, *rest = self._bare([*pieces, tail])
        return Frame(((*before, *first), *map(tuple, rest)), lead)

    def _bare(self, texts: Sequence[str]) -> TokenIds:
        """Ids without the special tokens round a text."""
        before, behind = map(len, self._ends())
        return [row[before : len(row) - behind] for row in self.tokens.lists(texts, None)]

    def _ends(self) -> tuple[list[int], list[int]]:
        if self.tokens.frame is None:
            raise InputError(
                "a prompt with a place for the text needs a tokenizer that frames every text alike",
                expected="a fast tokenizer",
            )
        return self.tokens.frame


class PromptedTokenizer:
    """A prompt and a tokenizer as one, in a transform's hands. It travels as light as the tokenizer.

    Args:
        tokens: The tokenizer.
        prompt: What every text is read under; one template at most.
    """

    def __init__(self, tokens: PortableTokenizer, prompt: str) -> None:
        if AND in prompt:
            raise InputError("training reads a text under one template", expected=f"no {AND!r} in it")
        self.pad_id, self._prompt = tokens.pad_id, prompt
        self._reader = PromptReader(tokens)

    def encode(self, texts: Sequence[str], length: int | None) -> pa.ListArray:
        """:meth:`PromptReader.lists` as an Arrow ``list<int32>`` array."""
        return lists_array(self._reader.lists(texts, length, self._prompt))
