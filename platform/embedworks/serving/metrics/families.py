"""The metrics of an endpoint: name, kind, what they say, and by what they are told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
TOKENS = (16.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0)


@dataclass(frozen=True)
class Family:
    """A metric.

    Attributes:
        name: As Prometheus knows it.
        kind: ``counter``, ``gauge`` or ``histogram``.
        text: What it says, with its unit.
        labels: By what its series are told apart.
        bounds: Upper bounds of a histogram's buckets.
    """

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()


BY_REQUEST = ("task", "model", "status", "key")
BY_MODEL = ("model",)
BY_VERSION = ("index", "version")

REQUESTS = Family(
    "embedworks_requests_total", "counter", "Requests answered; 499: the client went away", BY_REQUEST
)
REFUSALS = Family(
    "embedworks_refusals_total",
    "counter",
    "Requests refused or failed, by the error's type and code",
    ("model", "status", "type", "code"),
)
REQUEST_SECONDS = Family(
    "embedworks_request_seconds", "histogram", "From a request to its answer", ("task", "model"), SECONDS
)
IN_HAND = Family("embedworks_requests_in_hand", "gauge", "Requests that are being answered", ())
TOKENS_READ = Family("embedworks_tokens_total", "counter", "Tokens read, for quotas", ("model", "key"))
QUEUE_SECONDS = Family(
    "embedworks_queue_seconds", "histogram", "From the queue to a round", BY_MODEL, SECONDS
)
COMPUTE_SECONDS = Family("embedworks_compute_seconds", "histogram", "Of a round", BY_MODEL, SECONDS)
ROUND_TEXTS = Family("embedworks_round_texts", "histogram", "Texts or images of a round", BY_MODEL, SIZES)
ROUND_TOKENS = Family("embedworks_round_tokens", "histogram", "Tokens of a round", BY_MODEL, TOKENS)
COMPUTED = Family(
    "embedworks_computed_tokens_total", "counter", "Tokens computed, padding included", BY_MODEL
)
REAL = Family("embedworks_real_tokens_total", "counter", "Tokens computed that were of texts", BY_MODEL)
FAILED_ROUNDS = Family(
    "embedworks_failed_rounds_total", "counter", "Rounds that ended in an error", BY_MODEL
)
WAITING = Family("embedworks_waiting_inputs", "gauge", "Texts or images that wait for a round", BY_MODEL)
LOAD_SECONDS = Family(
    "embedworks_load_seconds", "histogram", "To load a model in a replica", BY_MODEL, SECONDS
)
SEARCH_SECONDS = Family(
    "embedworks_search_seconds",
    "histogram",
    "Of a search, in its replica: embedding the queries, and finding their rows",
    ("index", "part"),
    SECONDS,
)
INDEX_ROWS = Family("embedworks_index_rows", "gauge", "Rows of a version that answers", BY_VERSION)
INDEX_REPLICAS = Family(
    "embedworks_index_replicas", "gauge", "Replicas that a version answers in", BY_VERSION
)
INDEX_FAILURES = Family(
    "embedworks_index_failures_total",
    "counter",
    "Versions of an index that could not be opened",
    ("index",),
)
PROCESSES = Family(
    "embedworks_processes", "gauge", "Processes that report: doors, rooms and indexes", ("part",)
)

FAMILIES = (
    REQUESTS,
    REFUSALS,
    REQUEST_SECONDS,
    IN_HAND,
    TOKENS_READ,
    QUEUE_SECONDS,
    COMPUTE_SECONDS,
    ROUND_TEXTS,
    ROUND_TOKENS,
    COMPUTED,
    REAL,
    FAILED_ROUNDS,
    WAITING,
    LOAD_SECONDS,
    SEARCH_SECONDS,
    INDEX_ROWS,
    INDEX_REPLICAS,
    INDEX_FAILURES,
    PROCESSES,
)
# Gauges that several processes tell alike: their sum would say nothing.
ALIKE = frozenset({INDEX_ROWS.name})
