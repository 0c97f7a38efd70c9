"""Tasks of texts that mteb has no kind for: what the platform asks of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from embedworks.evaluation.image_tasks import Outcome, Vectors
from embedworks.evaluation.local import data_digest

Encode = Callable[[Sequence[str]], Vectors]


class TextTask(ABC):
    """A task of texts, made from a corpus.

    Attributes:
        name: The name that a job uses.
        metric: What the main number is; larger is better.
    """

    name: str
    metric: str

    @property
    @abstractmethod
    def sentences(self) -> Sequence[str]:
        """Texts that it asks about, and that training must not have seen."""

    @property
    def digest(self) -> str:
        """Changes when a text, a label or their order does."""
        return data_digest(vars(self))

    @abstractmethod
    def score(self, encode: Encode) -> Outcome:
        """Score what turns texts into ``(N, d)`` vectors."""
