"""What an endpoint can do: a task turns a request into what to embed, and vectors into an answer.

The built-in endpoints are tasks (:mod:`embedworks.serving.tasks`). A system adds one of its own by a tuple
``TASKS`` in its module, and an endpoint serves it when its configuration says ``tasks: [SLUG]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from embedworks.errors import InputError

Vectors = NDArray[np.float32]
Strings = list[str]
TokenLists = list[list[int]]

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Positive = Annotated[int, Meta(ge=1, le=1_000_000)]
Weight = Annotated[float, Meta(ge=-1000, le=1000)]  # beyond it, float32 sums lose the other input
Dtype = Literal["float32", "int8", "uint8", "binary", "ubinary"]
InputType = Literal["query", "document"]

INPUTS = "a text, texts, token ids, lists of token ids, or objects with a text or an image"
SLUG = re.compile(r"[a-z][a-z0-9-]*")


class Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One input that says what it is. With image and text it becomes their weighed sum, normalised.

    ALIGN (Jia et al. 2021, section 5.4) weighs the text twice; a negative weight takes a concept away.
    """

    text: Annotated[str, Meta(min_length=1)] | None = None
    image: Annotated[str, Meta(min_length=1, description="a data URI or bare base64")] | None = None
    w_image: Weight = 1.0
    w_text: Weight = 2.0

    def __post_init__(self) -> None:
        if self.text is None and self.image is None:
            raise ValueError("objects have a text, an image, or both")


Parts = list[str | Part]
Input = str | Part | list[str | int | list[int] | Part]


class Sized(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What every built-in request may say."""

    model: Name
    dimensions: Annotated[Positive, Meta(description="keep the first so many, then normalise")] | None = (
        None
    )
    layers: Annotated[Positive, Meta(description="read after so many layers")] | None = None
    truncate: Annotated[bool, Meta(description="cut what is too long instead of refusing it")] | None = None
    user: str | None = None

    def size(self) -> dict[str, Any]:
        """What an :class:`EmbeddingRequest` of this request says beside its input."""
        return {key: getattr(self, key) for key in ("model", "dimensions", "layers", "truncate")}


class EmbeddingRequest(Sized, frozen=True, kw_only=True):
    """The body of ``POST /v1/embeddings``, and what any task asks a model for."""

    input: Input
    encoding_format: Literal["float", "base64"] | None = None
    dtype: Annotated[Dtype, Meta(description="what the numbers of a vector are stored as")] | None = None
    prompt_name: Annotated[str, Meta(description="one of the model's prompts")] | None = None
    input_type: Annotated[InputType, Meta(description="the prompt that the model has for it")] | None = None
    instruction: (
        Annotated[str, Meta(max_length=10_000, description="put in front of every text, as it is")] | None
    ) = None

    def inputs(self) -> Strings | TokenLists | Parts:
        """The inputs as a list: all texts, all token ids, or texts and objects.

        Raises:
            InputError: for no input, an empty one, or token ids among others.
        """
        given: Any = self.input
        many: Any = given if isinstance(given, list) else [given]
        kinds = set(map(type, many))
        if kinds == {int}:
            return [many]
        if not many or not all(many):
            raise InputError("the input is empty; expected at least one, none of them empty", where="input")
        if kinds != {list} and not kinds <= {str, Part}:
            raise InputError(f"'input' must be {INPUTS}", where="input")
        checked: Strings | TokenLists | Parts = many
        return checked


class Work(NamedTuple):
    """How an answer came about, in the process of its model.

    Attributes:
        began_ns: Unix time at which its inputs were begun to be read, in nanoseconds.
        read_s: Until they were token ids, or pixels.
        queue_s: From then until the first round with some of them began.
        compute_s: From then until the last one ended.
        layers: That were run; 0 for images.
        rounds: That it took; inputs of others may have been in them.
        tokens: Of these rounds.
        padding: Of these rounds, beside the tokens.
    """

    began_ns: int
    read_s: float
    queue_s: float
    compute_s: float
    layers: int
    rounds: int
    tokens: int
    padding: int


class Answered(Protocol):
    """What is counted of any answer; its attributes are those of :class:`Answer`."""

    @property
    def inputs(self) -> int:
        """That were embedded."""
        ...

    @property
    def dimensions(self) -> int:
        """Of a vector."""
        ...

    @property
    def prompt_tokens(self) -> int:
        """Tokens read."""
        ...

    @property
    def version(self) -> str:
        """Of what answered."""
        ...

    @property
    def work(self) -> tuple[Work, ...]:
        """How it came about."""
        ...


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        vectors: ``(n, d)`` float32, contiguous.
        prompt_tokens: Tokens read, special ones included.
        flag: ``{layers, dimensions, trained}``, or None where the full model was read as usual.
        similarity: How its vectors are compared.
        version: Of the model; empty where it has none.
        work: How it came about; of texts and of images where there were both.
        names: What each dimension stands for; empty where it stands for nothing by itself.
        calibration: (a, b) of ``sigmoid(a * similarity + b)``, the chance that two texts belong together.
    """

    vectors: Vectors
    prompt_tokens: int
    flag: dict[str, int | bool] | None = None
    similarity: Literal["cosine", "dot"] = "cosine"
    version: str = ""
    work: tuple[Work, ...] = ()
    names: tuple[str, ...] = ()
    calibration: tuple[float, float] | None = None

    @property
    def inputs(self) -> int:
        """How many vectors there are."""
        return len(self.vectors)

    @property
    def dimensions(self) -> int:
        """Of a vector."""
        return int(self.vectors.shape[1])

    def scores(self, other: Answer) -> Vectors:
        """``(n, m)`` similarities with another answer of the same model."""
        mine, theirs = self.comparable(), other.comparable()
        scores_nm: Vectors = mine @ theirs.T
        return scores_nm

    def comparable(self) -> Vectors:
        """``(n, d)`` vectors whose dot product is their similarity."""
        if self.similarity == "dot":
            return self.vectors
        norms_n1 = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        units_nd: Vectors = self.vectors / np.maximum(norms_n1, 1e-12)
        return units_nd


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of a request."""

    prompt_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Usage:
        """The sum over what was asked for."""
        tokens = sum(answer.prompt_tokens for answer in answers)
        return cls(prompt_tokens=tokens, total_tokens=tokens)


Request = TypeVar("Request", contravariant=True)


@dataclass(frozen=True)
class Task(Generic[Request]):
    """One endpoint: ``POST /v1/NAME`` if it is built in, else ``POST /v1/tasks/NAME``.

    Both functions are pure and fast: they run on the door's event loop.

    Attributes:
        name: The path's last part, in lower case with hyphens.
        request: A msgspec struct or a pydantic model; it has ``model``, the served model that is asked.
        response: A msgspec struct or a pydantic model.
        ask: A request to what has to be embedded; each may read the model at another prompt or size.
        answer: The request and the model's answers, in the order of what was asked, to a response, or to
            the JSON bytes of one. Both raise :class:`InputError` with ``where`` the field at fault.
        summary: One line for the reference.
        example: A request, for the reference.
    """

    name: str
    request: type[Request]
    response: type[Any]
    ask: Callable[[Request], Sequence[EmbeddingRequest]]
    answer: Callable[[Request, Sequence[Answer]], Any]
    summary: str = ""
    example: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not SLUG.fullmatch(self.name):
            expected = "lower-case words joined by hyphens"
            raise InputError(f"a task cannot be called {self.name!r}", expected=expected)
