"""The page's table of methods says what the methods say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.merging.method import Holds, Inputs, find_method
from helpers.merges import PARAMETERS

PAGE = Path(__file__).parents[3] / "docs" / "merging.md"


def takes(inputs: Inputs) -> str:
    if inputs.base == "end":
        return "2, one may be the base"
    count = f"{inputs.least} or more" if inputs.most is None else f"{inputs.most}"
    return {
        "required": f"base and {count}",
        "optional": f"{count}, and a base or not",
        "member": f"{count}, a base among them",
    }[inputs.base]


def parameters(method: str) -> str:
    fields = find_method(method).Parameters.model_fields
    values = {
        info.alias or key: "required" if info.is_required() else str(info.default).lower()
        for key, info in fields.items()
    }
    return ", ".join(f"`{key}` {value}" for key, value in values.items()) or "none"


def holds(method: str) -> str:
    memory: Holds = find_method(method).HOLDS
    if not memory.per_model:
        return str(memory.fixed)
    return f"n + {memory.fixed}" if memory.fixed else "n"


@pytest.mark.parametrize("method", sorted(PARAMETERS))
def test_a_row_of_the_page_is_true(method):
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.read_text().splitlines()
    ]
    (row,) = [row for row in rows if row[0] == f"`{method}`"]
    assert row[3:6] == [takes(find_method(method).INPUTS), parameters(method), holds(method)]
