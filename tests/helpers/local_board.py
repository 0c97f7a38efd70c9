"""The board's lookout in this process, called as the actor is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from embedworks.training.lookout import Lookout


class Method:
    """An actor's method, called in this process."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call


class LocalBoard:
    """A board without Ray."""

    def __init__(self) -> None:
        self.lookout = Lookout()
        self.lookout.begin(1)
        self.answers = threading.Semaphore(0)

    def __getattr__(self, name: str) -> Method:
        def call(*values: Any, **named: Any) -> Any:
            answer = getattr(self.lookout, name)(*values, **named)
            self.answers.release()
            return answer

        return Method(call)
