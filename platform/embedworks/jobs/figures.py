"""What is shown of a training stage: its numbers in words, smoothed, with the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedworks.training.progress import Progress

SMOOTHING = 0.9  # weight of the past in a smoothed loss, for each logged point
SPEED = "speed/"
# Metric -> its word on a line. Losses come before these, what a system adds behind them.
WORDS = {
    "learning_rate": "lr",
    "grad_norm": "grad_norm",
    "speed/tokens_per_s": "tokens/s",
    "speed/samples_per_s": "samples/s",
    "speed/mfu": "mfu",
    "speed/data_stall": "stall",
    "speed/memory_gib": "memory",
}
HIDDEN = ("speed/step_s", "speed/data_stall_max")


class Smoothed:
    """Exponential means that start at the first value instead of 0 (Kingma & Ba, arXiv 1412.6980, 3)."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._weights: dict[str, float] = {}

    def __call__(self, name: str, value: float) -> float:
        """Take in the next value of a curve; returns its mean."""
        weight = SMOOTHING * self._weights.get(name, 0.0) + 1 - SMOOTHING
        total = SMOOTHING * self._sums.get(name, 0.0) + (1 - SMOOTHING) * value
        self._weights[name], self._sums[name] = weight, total
        return total / weight


class Figures:
    """The newest numbers of a stage.

    Args:
        clock: Seconds, from any zero.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._smooth = Smoothed()
        self.step = self.steps = self.workers = 0
        self.checkpoint: int | None = None
        self.losses: dict[str, tuple[float, float]] = {}
        self.others: dict[str, float] = {}
        self._ends: float | None = None

    def take(self, progress: Progress, checkpoint: int | None = None) -> None:
        """Take in a logged point, and the step of the newest checkpoint."""
        self.step, self.steps, self.workers = progress.step, progress.steps, progress.workers
        self.checkpoint = checkpoint
        losses, others = {}, {}
        for name, value in progress.metrics.items():
            if name.rpartition("/")[2].endswith("loss"):
                losses[name] = (self._smooth(name, value), value)
            else:
                others[name] = value
        self.losses, self.others = losses, others  # whole: another thread may be drawing
        if step_s := progress.metrics.get("speed/step_s"):
            self._ends = self._clock() + (self.steps - self.step) * self._smooth("speed/step_s", step_s)

    def eta(self) -> float | None:
        """Seconds that are left; None before there is a rate."""
        return None if self._ends is None else max(0.0, self._ends - self._clock())

    def named(self) -> Iterator[tuple[str, str]]:
        """(word, value) of all that is not a loss: the well-known first, then a system's own."""
        for name, word in WORDS.items():
            for key in matching(self.others, name):
                yield key.removesuffix(name) + word, written(word, self.others[key])
        known = {key for name in WORDS for key in matching(self.others, name)}
        for key, value in self.others.items():
            if key not in known and key not in HIDDEN:
                yield key, f"{value:.4g}"


def matching(numbers: Mapping[str, float], name: str) -> list[str]:
    """A metric, also with a phase in front of it."""
    return [key for key in numbers if key == name or key.endswith(f"/{name}")]


def written(word: str, value: float) -> str:
    """A number with its unit, and no more digits than mean something."""
    if word == "stall":
        return f"{value:.1%}"
    if word == "mfu":
        return f"{100 * value:.3g}%"
    if word == "memory":
        return f"{value:.2f}GiB"
    if word.endswith("/s"):
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
