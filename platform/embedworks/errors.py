"""Errors that a user can mend: one message, exit code 2, never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

KeyPath = tuple[str | int, ...]  # to a value in a file of keys, as ("stages", 1, "name")


class InputError(Exception):
    """Something a user gave cannot be used.

    Args:
        what: What is wrong, as one sentence without a full stop.
        where: The file, line or key it was read from.
        expected: What would have been accepted.
        name: The unknown name, if the fault is one.
        known: The names that would have been right; the nearest one is suggested.

    Example:
        >>> str(InputError("unknown system 'starbuck'", name="starbuck", known=["starbucks"]))
        "unknown system 'starbuck'; did you mean 'starbucks'?"
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        name: str | None = None,
        known: Iterable[str] = (),
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.nearest = nearest(name, known) if name else None
        super().__init__(self._message())

    def _message(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.expected:
            text += f"; expected {self.expected}"
        if self.nearest:
            text += f"; did you mean {self.nearest!r}?"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        # Ray carries exceptions between processes by pickling them; keyword-only
        # arguments need help, and the finished message is all a reader needs.
        return (_rebuild, (str(self),))


def _rebuild(message: str) -> InputError:
    return InputError(message)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to ``name``, or None where nothing is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None


def dotted(path: KeyPath) -> str:
    """A key path as a person writes it: ``stages[1].optimizer.eps``."""
    text = "".join(f"[{piece}]" if isinstance(piece, int) else f".{piece}" for piece in path)
    return text.removeprefix(".")


def first_line(error: BaseException) -> str:
    """An exception's message without what follows its first line; its kind where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
