"""JSON files of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from embedworks.errors import InputError


def read_json(file: Path, default: Any = None) -> Any:
    """What a file holds; ``default``, or an empty object, where there is none.

    Raises:
        InputError: for a file that is not JSON.
    """
    if not file.is_file():
        return {} if default is None else default
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error


def write_json(file: Path, value: Any) -> None:
    """Write a value as JSON, and the folder that it is in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
