"""What a configuration says of traces and logs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from embedworks.errors import InputError

EXPORTER = "opentelemetry.exporter.otlp.proto.http"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tracing(_Part):
    """Where traces go: an OpenTelemetry collector, or whatever else takes OTLP over HTTP."""

    endpoint: str = Field(
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$", description="http://HOST:4318, or the whole address"
    )
    sample: float = Field(
        default=0.01, ge=0, le=1, description="of the requests that bring no trace of their own"
    )

    @property
    def address(self) -> str:
        """Where spans are posted.

        >>> Tracing(endpoint="http://collector:4318").address
        'http://collector:4318/v1/traces'
        """
        _, _, place = self.endpoint.partition("://")
        return self.endpoint if place.partition("/")[2] else f"{self.endpoint.rstrip('/')}/v1/traces"


class Logs(_Part):
    """A file of one JSON line a request, in every process that takes requests."""

    format: Literal["json"] = "json"
    sample: float = Field(
        default=1.0, ge=0, le=1, description="of the requests; those that failed with 500 or more all are"
    )
    folder: str | None = Field(
        default=None, min_length=1, description="of the files; default: where Ray Serve keeps its logs"
    )


def check_tracing(tracing: Tracing | None) -> None:
    """Refuse traces that nothing here can send.

    Raises:
        InputError: without the exporter.
    """
    if tracing is not None and not can_export():
        expected = "`pip install embedworks[tracing]`"
        raise InputError("tracing needs OpenTelemetry's exporter, which is not here", expected=expected)


def can_export() -> bool:
    """Whether OTLP's exporter is installed."""
    try:
        return find_spec(EXPORTER) is not None
    except ModuleNotFoundError:
        return False
