"""Measures backends on a model and this machine, and picks one by a stated rule.

The rule: of the candidates whose worst cosine to float32 reaches the floor, the one with the least
geometric mean of its times over the shapes; within 5 % of it, the one that comes first in
:func:`candidates`, where the simplest are first.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.backends.opening import PRECISIONS_OF, missing_packages
from embedworks.inference.engine import Engine, Vectors
from embedworks.inference.quality import Likeness, likeness, reference
from embedworks.nn.precision import has_fast_bf16
from embedworks.nn.unpadded import runs_unpadded
from embedworks.transforms.tokenizer import TokenIds

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SLOW_TO_OPEN = "compile"  # takes longer than all others together, so only who asks for it waits for it
EVEN = 1.05
BUDGET_S = 0.25  # of repeating a shape, which runs once whatever it takes
ROUNDS = 12
SHAPES = ("1 short", "32 short", "8 long", "32 mixed")

Clock = Callable[[], float]
Open = Callable[[str, str], Engine]


@dataclass(frozen=True)
class Trial:
    """One candidate.

    Attributes:
        backend: Its name.
        precision: Of its products.
        seconds: Shape to the least time of a batch; empty where it could not be opened.
        cosine: To float32.
        why: Why it cannot be chosen; empty if it can.
    """

    backend: str
    precision: str
    seconds: dict[str, float] = field(default_factory=dict)
    cosine: Likeness | None = None
    why: str = ""

    @property
    def mean_seconds(self) -> float:
        """Geometric mean over the shapes."""
        return math.exp(sum(map(math.log, self.seconds.values())) / len(self.seconds))


def candidates(
    encoder: PreTrainedModel, precision: str, with_compile: bool = False
) -> list[tuple[str, str]]:
    """Backends and precisions to try on a CPU.

    ``auto`` tries all precisions that keep the answers, so not int8. ``torch`` is tried where ``packed``
    cannot be, for it does the same and more. What is not installed is left out.
    """
    names = ["packed" if runs_unpadded(encoder) else "torch", "onnx", "openvino"]
    names += [SLOW_TO_OPEN] if with_compile else []
    wanted: tuple[str, ...] = (precision,)
    if precision == "auto":
        wanted = ("fp32", "bf16", "fp16") if has_fast_bf16(torch.device("cpu")) else ("fp32", "fp16")
    pairs = [(name, one) for name in names for one in wanted if one in PRECISIONS_OF[name]]
    return [pair for pair in pairs if not missing_packages(pair[0])]


def measure(
    embedder: Embedder,
    tried: Sequence[tuple[str, str]],
    floor: float,
    open_engine: Open | None = None,
    clock: Clock | None = None,
) -> list[Trial]:
    """Open and time one candidate after the other; each is let go before the next is opened.

    Args:
        embedder: The model.
        tried: Backends and precisions.
        floor: The worst text's least cosine to float32.
        open_engine: Backend and precision to an engine.
        clock: Seconds. By default CPU time where torch has one thread, which others on the machine
            disturb least, else the time that passes.
    """
    if open_engine is None:

        def open_engine(name: str, precision: str) -> Engine:
            return Engine(embedder, precision, backend=name)  # type: ignore[arg-type]

    if clock is None:
        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    expected_ND, loads = reference(embedder), shapes(embedder)
    return [_try(*one, open_engine, expected_ND, loads, floor, clock) for one in tried]


def pick(trials: Sequence[Trial]) -> Trial:
    """The best by the rule above.

    Raises:
        InputError: where no candidate can be used.
    """
    able = [trial for trial in trials if not trial.why]
    if not able:
        reasons = "; ".join(f"{trial.backend} {trial.precision}: {trial.why}" for trial in trials)
        raise InputError(f"no backend can be used ({reasons})", expected="another precision")
    best = min(trial.mean_seconds for trial in able)
    return next(trial for trial in able if trial.mean_seconds <= best * EVEN)


def shapes(embedder: Embedder) -> dict[str, TokenIds]:
    """Name to token ids: one short text, 32 short, 8 of 256 tokens, 32 of 4 to 128."""
    most, draw = embedder.settings.max_length, random.Random(0)
    lengths = {
        "1 short": [11],
        "32 short": [11] * 32,
        "8 long": [256] * 8,
        "32 mixed": [draw.randint(4, 128) for _ in range(32)],
    }
    vocabulary = len(embedder.tokenizer)
    return {
        name: [[draw.randrange(vocabulary) for _ in range(min(length, most))] for length in lengths[name]]
        for name in SHAPES
    }


def _try(
    name: str,
    precision: str,
    open_engine: Open,
    expected_ND: Vectors,
    loads: dict[str, TokenIds],
    floor: float,
    clock: Clock,
) -> Trial:
    try:
        engine = open_engine(name, precision)
        found = likeness(engine, expected_ND)
    except InputError as error:
        return Trial(name, precision, why=str(error))
    if not found.least >= floor:
        return Trial(name, precision, cosine=found, why=f"cosine {found.least:.4f} is below {floor}")
    return Trial(name, precision, _times(engine, loads, clock), found)


def _times(engine: Engine, loads: dict[str, TokenIds], clock: Clock) -> dict[str, float]:
    """The least time of each shape. The probe has warmed the engine."""
    return {name: _least_time(engine, ids, clock) for name, ids in loads.items()}


def _least_time(engine: Engine, ids: TokenIds, clock: Clock) -> float:
    best, spent, rounds = math.inf, 0.0, 0
    while not rounds or (spent < BUDGET_S and rounds < ROUNDS):
        started = clock()
        engine.pooled(ids)
        taken = max(clock() - started, 1e-9)
        best, spent, rounds = min(best, taken), spent + taken, rounds + 1
    return best


def as_row(trial: Trial) -> dict[str, Any]:
    """For JSON: milliseconds, cosines."""
    return {
        "backend": trial.backend,
        "precision": trial.precision,
        "ms": {name: round(seconds * 1000, 3) for name, seconds in trial.seconds.items()},
        "cosine": trial.cosine.rounded() if trial.cosine else None,
        "why_not": trial.why,
    }
