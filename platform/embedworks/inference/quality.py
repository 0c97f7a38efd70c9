"""How far a backend's vectors are from the model's own in float32, over a fixed set of texts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedworks.embedder import Embedder
from embedworks.errors import InputError

if TYPE_CHECKING:
    from embedworks.inference.engine import Engine, Vectors

SAME = 0.999  # cosine to float32 from which on a backend counts as giving the same answers

SHORT = (
    "yes",
    "What does yield do?",
    "The capital of Mongolia",
    "¿Dónde está la biblioteca?",
    "return sorted(items, key=len)",
    "2026-11-28 14:05",
    "heart attack symptoms",
    "東京の天気",
)
MIDDLE = (
    "A generator is a function that gives one value after the other and keeps its place in between.",
    "def area(radius: float) -> float:\n    return 3.14159 * radius ** 2\n\nprint(area(2.0))",
    "Der Zug nach Basel hat eine halbe Stunde Verspätung, weil auf der Strecke Bäume liegen.",
    "Boil the beans for forty minutes, add the salt last, and let them cool in their water.",
    "The committee will meet again on Thursday to vote on the budget, after two failed attempts.",
    "Les oiseaux migrateurs suivent les côtes, les fleuves et les étoiles sur des milliers de kilomètres.",
    "E = mc² relates energy and mass; the factor is the speed of light, about 3·10⁸ metres per second.",
    "SELECT name, COUNT(*) FROM orders GROUP BY name HAVING COUNT(*) > 3 ORDER BY 2 DESC;",
)
LONG_COPIES = 40  # of the sentences, so that the text is longer than any model's input


@dataclass(frozen=True)
class Likeness:
    """Cosines to float32 over the probe.

    Attributes:
        mean: Of all texts.
        least: Of the text that came out worst.
    """

    mean: float
    least: float

    def rounded(self) -> dict[str, float]:
        """For people and JSON."""
        return {key: round(value, 5) for key, value in asdict(self).items()}


def probe_texts() -> list[str]:
    """Varied texts: short ones, middle ones, and some that fill the model's input."""
    turns = range(0, len(MIDDLE), 2)
    long = [" ".join((MIDDLE[turn:] + MIDDLE[:turn]) * LONG_COPIES) for turn in turns]
    return [*SHORT, *MIDDLE, *long]


def reference(embedder: Embedder) -> Vectors:
    """``(N, D)`` vectors of the probe by the plain path in float32."""
    from embedworks.inference.engine import Engine

    return Engine(embedder, "fp32", backend="torch").encode(probe_texts())


def likeness(engine: Engine, reference_ND: Vectors) -> Likeness:
    """Cosines between an engine's vectors of the probe and :func:`reference`'s."""
    vectors_ND = engine.encode(probe_texts()).astype(np.float64)
    lengths_N = np.linalg.norm(vectors_ND, axis=1) * np.linalg.norm(reference_ND, axis=1)
    cosine_N = (vectors_ND * reference_ND).sum(1) / np.maximum(lengths_N, 1e-12)
    return Likeness(float(cosine_N.mean()), float(cosine_N.min()))


def require_alike(found: Likeness, floor: float, what: str) -> None:
    """Refuse a backend that is too far from float32.

    Raises:
        InputError: where the worst text's cosine is below ``floor``.
    """
    if not found.least >= floor:  # NaN is refused, too
        raise InputError(
            f"{what} is too far from float32: cosine {found.least:.4f} for the worst text of the probe",
            expected=f"at least {floor} (min_cosine), or another precision",
        )
