"""Who is told of each request when it was answered, as the configuration of the moment has it."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Protocol

from embedworks.serving.metrics.requests import RequestNote
from embedworks.serving.observing.settings import Logs, Tracing

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Is told of requests, and can be ended."""

    def __call__(self, note: RequestNote) -> None:
        """A request was answered."""
        ...

    def close(self) -> None:
        """Send or write what is left."""
        ...


class Observers:
    """Traces and logs of one process. Neither can fail a request.

    Args:
        instance: Which replica this is.
        folder: Of log files, where the configuration names none.
    """

    def __init__(self, instance: str, folder: Path) -> None:
        self._instance = instance
        self._folder = folder
        self._settings: tuple[Tracing | None, Logs | None] = (None, None)
        self._spans: Observer | None = None
        self._log: Observer | None = None
        self._has_warned = False

    def configure(self, tracing: Tracing | None, logs: Logs | None) -> None:
        """Take other settings over; what they do not change goes on."""
        before, self._settings = self._settings, (tracing, logs)
        if tracing != before[0]:
            old, self._spans = self._spans, self._open_spans(tracing)
            _end(old)
        if logs != before[1]:
            old, self._log = self._log, self._open_log(logs)
            _end(old)

    @property
    def are_idle(self) -> bool:
        """Whether there is nobody to tell."""
        return self._spans is None and self._log is None

    def __call__(self, note: RequestNote) -> None:
        """A request was answered."""
        for observer in (self._spans, self._log):  # in this order: the log has the trace's id
            if observer is not None:
                try:
                    observer(note)
                except Exception as error:  # its message may hold anything
                    self._warn(type(error).__name__)

    def close(self) -> None:
        """Send and write what is left."""
        for observer in (self._spans, self._log):
            if observer is not None:
                observer.close()
        self._spans = self._log = None

    def _open_spans(self, tracing: Tracing | None) -> Observer | None:
        if tracing is None:
            return None
        from embedworks.serving.observing.spans import Spans

        return Spans(tracing, self._instance)

    def _open_log(self, logs: Logs | None) -> Observer | None:
        if logs is None:
            return None
        from embedworks.serving.observing.request_log import RequestLog

        folder = Path(logs.folder) if logs.folder else self._folder
        return RequestLog(folder / f"embedworks_requests_{self._instance}.jsonl", logs.sample)

    def _warn(self, what: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.warning("a request could not be observed: %s", what)


def _end(observer: Observer | None) -> None:
    if observer is not None:  # a collector that does not answer would hold up the event loop
        threading.Thread(target=observer.close, name="embedworks-end", daemon=True).start()
