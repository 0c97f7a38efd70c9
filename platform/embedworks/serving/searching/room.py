"""The room of an index: a version that answers, and a thread that goes over to the next one in time.

Knows nothing of HTTP or Ray. A version is taken when its table and model are loaded, warmed and checked;
until then, and where that fails, the one before answers. Requests in hand are finished by the version that
they began with.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from embedworks.errors import InputError, first_line
from embedworks.serving.batcher import Closed
from embedworks.serving.finding import Resolve
from embedworks.serving.searching.metrics import IndexMeter
from embedworks.serving.searching.protocol import Searched, SearchRequest
from embedworks.serving.searching.settings import ServedIndex
from embedworks.serving.searching.version import OpenVersion
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.leases import LASTS_S, hold, release
from embedworks.vectors.records import VersionRecord

log = logging.getLogger(__name__)

REASON_CHARACTERS = 500
LONGEST_PAUSE_S = 300.0  # before a version that could not be opened is tried again


@dataclass(frozen=True)
class Trouble:
    """Why the version that the index names does not answer.

    Attributes:
        version: Which one; empty where the index does not say.
        since: Unix time.
        reason: In a line.
    """

    version: str
    since: int
    reason: str


class IndexRoom:
    """Answers searches of one index.

    Args:
        index: Its part of the endpoint's configuration.
        resolve: A model's source to its folder, for models that are in a registry.
        meter: Counts.

    Raises:
        InputError: for an index that is not there, or has no version that can be opened.
    """

    def __init__(
        self, index: ServedIndex, resolve: Resolve | None = None, meter: IndexMeter | None = None
    ) -> None:
        self.index = index
        self.folder = IndexFolder.open(index.path)
        self.trouble: Trouble | None = None
        self._resolve = resolve
        self._meter = meter or IndexMeter(index.name)
        self._pause_s, self._retry_at = 0.0, 0.0
        workers = max(2, math.ceil(index.num_cpus))
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="embedworks-search")
        self._ended = threading.Event()
        self._answers = self._first()
        self._reader, self._hold_at = uuid.uuid4().hex, 0.0
        self._hold()
        self._thread = threading.Thread(target=self._follow, name="embedworks-index", daemon=True)
        self._thread.start()

    @property
    def version(self) -> OpenVersion:
        """What answers."""
        return self._answers

    async def search(self, request: SearchRequest) -> Searched:
        """Search the version of the moment.

        Raises:
            ApiError: where that cannot be.
        """
        while True:
            version = self._answers
            try:
                return await version.search(request)
            except Closed:  # it was replaced between the two lines above
                if version is self._answers:
                    raise

    @property
    def description(self) -> dict[str, Any]:
        """The index as ``/v1/indexes`` lists it."""
        return self._answers.description

    def page(self, name: str) -> bytes:
        """``map`` or ``questions`` of the version of the moment, as JSON."""
        return self._answers.page(name)

    def state(self) -> dict[str, Any]:
        """Which version answers since when, and why another one does not."""
        version, record = self._answers, self._answers.record
        return {
            "version": record.id,
            "rows": record.rows,
            "model": record.model,
            "since": version.since,
            "trouble": asdict(self.trouble) if self.trouble else None,
        }

    def check(self) -> None:
        """Raise if the room cannot answer any more, so that its replica is replaced."""
        self._answers.room.check()
        if not self._thread.is_alive():
            raise RuntimeError(f"nothing follows the index {self.index.name!r} any more")

    def close(self) -> None:
        """Follow no more, and end when the requests in hand are answered."""
        self._ended.set()
        self._meter.close()
        self._answers.close()
        release(self.folder.folder(self._answers.record.id), self._reader)

    def look(self) -> None:
        """Look once whether the index names another version, and go over to it if it can be opened."""
        self._hold()
        try:
            record = self.folder.current()
        except (InputError, OSError) as error:
            return self._note("", error)
        if record is None or _is(record, self._answers.record):
            self.trouble, self._pause_s = None, 0.0
            return
        is_known = self.trouble is not None and self.trouble.version == record.id
        if is_known and time.monotonic() < self._retry_at:
            return
        try:
            new = self._open(record)
        except Exception as error:  # whatever it is, what answers goes on
            self._fail(record, error)
        else:
            self._take(new)

    def _first(self) -> OpenVersion:
        """The current version, or where it cannot be opened, the newest complete one that can."""
        current = self.folder.current()
        if current is None:
            raise InputError(
                f"{self.folder.path} has no complete version yet", expected="`embedworks embed` first"
            )
        others = [each for each in self.folder.versions() if each.complete and not _is(each, current)]
        try:
            first = self._open(current)
        except Exception as error:
            self._fail(current, error)
            first = self._other(reversed(others), error)
        self._meter.answers(first.record.id, first.record.rows)
        return first

    def _other(self, records: Any, error: Exception) -> OpenVersion:
        for record in records:
            try:
                return self._open(record)
            except Exception as another:
                log.warning("version %s cannot be opened either: %s", record.id, _reason(another))
        raise error

    def _open(self, record: VersionRecord) -> OpenVersion:
        return OpenVersion.open(self.index, record, self._resolve, self._threads, self._meter)

    def _take(self, new: OpenVersion) -> None:
        old, self._answers = self._answers, new
        self._hold_at = 0.0
        self._hold()
        self.trouble, self._pause_s = None, 0.0
        self._meter.answers(new.record.id, new.record.rows)
        log.info("index %s went over from version %s to %s", self.index.name, old.record.id, new.record.id)
        old.close()
        release(self.folder.folder(old.record.id), self._reader)

    def _hold(self) -> None:
        """Keep whoever makes new versions from deleting the one that answers, however many they are."""
        if time.monotonic() >= self._hold_at:
            self._hold_at = time.monotonic() + LASTS_S / 10
            hold(self.folder.folder(self._answers.record.id), self._reader)

    def _fail(self, record: VersionRecord, error: Exception) -> None:
        self._meter.failed()
        self._pause_s = min(max(2 * self._pause_s, self.index.follow_s), LONGEST_PAUSE_S)
        self._retry_at = time.monotonic() + self._pause_s
        self._note(record.id, error)

    def _note(self, version: str, error: Exception) -> None:
        reason, before = _reason(error), self.trouble
        if before is None or (before.version, before.reason) != (version, reason):
            what = f"version {version}" if version else "its record"
            log.warning("index %s: %s cannot be opened: %s", self.index.name, what, reason)
            self.trouble = Trouble(version, int(time.time()), reason)

    def _follow(self) -> None:
        while not self._ended.wait(min(self.index.follow_s, LASTS_S / 3)):
            self.look()


def _is(one: VersionRecord, other: VersionRecord) -> bool:
    """Whether two records are of the same vectors: a version that is made again has its old id."""
    return (one.id, one.created) == (other.id, other.created)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)}"[:REASON_CHARACTERS]
