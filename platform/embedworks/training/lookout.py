"""What the board knows of how workers are: signs of life, notices for them, and what stopped a run.

Workers leave signs from a thread of their own, so that one whose step never ends is still heard of.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

PATIENCE_SECONDS = 5.0  # for the reports of other workers, once one has reported that nothing moves


@dataclass(frozen=True)
class Sign:
    """Where a worker is.

    Attributes:
        rank: The worker.
        step: Steps it has done.
        phase: What it is doing, in words.
        place: File, line and function of its innermost frame; empty unless it reports that nothing moves.
        stacks: All its threads' stacks, likewise.
        waits: Whether it only waits for other workers, within a collective.
    """

    rank: int
    step: int
    phase: str
    place: str = ""
    stacks: str = ""
    waits: bool = False


@dataclass(frozen=True)
class Orders:
    """What a worker is told in answer to its sign.

    Attributes:
        saves: How often a save was asked for so far.
        stop: Whether training is to save and end.
        leave: Whether a worker that reported that nothing moves may leave now.
    """

    saves: int = 0
    stop: bool = False
    leave: bool = False


@dataclass(frozen=True)
class Note:
    """A line for the person who runs the job.

    Attributes:
        text: The line.
        details: What is too long for it, and is written to a file.
        is_hang: Whether it says that nothing moved.
    """

    text: str
    details: str = ""
    is_hang: bool = False


class Lookout:
    """Signs and orders; a part of the board."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._notes: list[Note] = []
        self._verdict = ""
        self._saves = 0
        self._stop = False
        self.begin(0)

    def begin(self, workers: int) -> None:
        """A new worker group starts: forget the old one's signs."""
        self._workers = workers
        self._signs: dict[int, tuple[Sign, float]] = {}
        self._stuck: dict[int, Sign] = {}
        self._stuck_since = 0.0
        self._is_told = False

    def sign(self, sign: Sign) -> Orders:
        """Leave a sign of life."""
        self._signs[sign.rank] = sign, self._clock()
        return Orders(self._saves, self._stop, self._tell_hang())

    def report_hang(self, sign: Sign, seconds: float) -> Orders:
        """Report that no step ended for so many seconds."""
        if not self._stuck:
            self._stuck_since = self._clock()
        self._stuck[sign.rank] = sign
        self._seconds = seconds
        return self.sign(sign)

    def request(self, *, stop: bool = False) -> None:
        """Ask all workers to save at the end of their step, and to stop then if so told."""
        self._saves += 1
        self._stop |= stop

    def has_begun(self) -> bool:
        """Whether workers train, so that an order is heard."""
        return any(sign.step for sign, _ in self._signs.values())

    def note(self, text: str) -> None:
        """Leave a line for the person who runs the job."""
        self._notes.append(Note(text))

    def take_notes(self) -> list[Note]:
        """Take all lines."""
        notes, self._notes = self._notes, []
        return notes

    def give_up(self, why: str) -> None:
        """Note why no restart can help; the workers then end as if they were done."""
        self._verdict = why

    def verdict(self) -> str:
        """Why no restart can help; empty where nothing is known against it."""
        return self._verdict

    def _tell_hang(self) -> bool:
        """Say who holds up the others, once all have reported or had time to; true once it is said."""
        if not self._stuck:
            return False
        is_over = self._clock() - self._stuck_since > PATIENCE_SECONDS
        if not self._is_told and (len(self._stuck) >= self._workers or is_over):
            self._is_told = True
            details = "\n".join(f"worker {r}\n{self._stuck[r].stacks}" for r in sorted(self._stuck))
            self._notes.append(Note(self._culprits(), details, is_hang=True))
        return self._is_told

    def _culprits(self) -> str:
        intro = f"no step ended for {self._seconds:.0f} s: "
        if silent := [str(rank) for rank in range(self._workers) if rank not in self._stuck]:
            return f"{intro}no sign of life from worker {', '.join(silent)}"
        least = min(sign.step for sign in self._stuck.values())
        behind = [sign for sign in self._stuck.values() if sign.step == least]
        busy = [sign for sign in behind if not sign.waits]
        named = sorted(busy or behind, key=lambda sign: sign.rank)
        words = [
            f"worker {sign.rank} is in step {sign.step + 1} ({sign.phase}) at {sign.place}"
            for sign in named
        ]
        return intro + "; ".join(words) + ("" if busy else "; each waits for the others")
