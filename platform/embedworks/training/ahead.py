"""An iterator that a thread runs ahead of its reader."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class _End:
    """Behind the last item, with what stopped the thread."""

    error: BaseException | None = None


class Ahead(Generic[ItemT]):
    """The same items in the same order, up to ``depth`` of them made before they are asked for.

    The thread starts at once, and ends when the items do or when the reader closes this.

    Args:
        items: What is read, in the thread; whatever it raises, the reader is given.
        depth: Items that may wait.
    """

    def __init__(self, items: Iterable[ItemT], depth: int) -> None:
        self._ready: queue.Queue[ItemT | _End] = queue.Queue(depth)
        self._closed = threading.Event()
        thread = threading.Thread(target=self._work, args=(items,), name="embedworks-ahead", daemon=True)
        thread.start()

    def __iter__(self) -> Iterator[ItemT]:
        while True:
            item = self._ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def close(self) -> None:
        """Let the thread end: nobody reads on."""
        self._closed.set()

    def _work(self, items: Iterable[ItemT]) -> None:
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as error:
            self._put(_End(error))
        else:
            self._put(_End())

    def _put(self, item: ItemT | _End) -> bool:
        while not self._closed.is_set():
            try:
                self._ready.put(item, timeout=POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False
