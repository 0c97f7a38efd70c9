"""The job file's JSON Schema, by which editors complete and check; kept in ``jobs/schema.json``."""

from __future__ import annotations

import json
from typing import Any

from embedworks.jobs.schema import Job

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def export_schema() -> dict[str, Any]:
    """The JSON Schema of a job file. What stages must agree on is beyond it."""
    return {"$schema": DIALECT, **Job.model_json_schema(by_alias=True)}


def schema_text() -> str:
    """What ``jobs/schema.json`` holds."""
    return json.dumps(export_schema(), indent=2, ensure_ascii=False) + "\n"
