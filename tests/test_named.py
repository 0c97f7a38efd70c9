from __future__ import annotations

from pathlib import Path

import pytest

import embedworks.merging.methods
from embedworks.errors import InputError, first_line
from embedworks.named import find_module, module_names, short_name

METHODS = Path(embedworks.merging.methods.__file__).parent


def test_modules_are_named_after_their_files(tmp_path):
    for name in ("b_c.py", "a.py", "_hidden.py", "__init__.py"):
        (tmp_path / name).touch()
    assert module_names(tmp_path) == ["a", "b-c"]


def test_an_unknown_name_names_the_nearest():
    assert find_module("method", "linear", "embedworks.merging.methods", METHODS).Parameters
    with pytest.raises(InputError, match=r"unknown method 'liner'; expected .* did you mean 'linear'"):
        find_module("method", "liner", "embedworks.merging.methods", METHODS)


def test_an_error_in_one_line():
    assert first_line(ValueError("  first\nsecond")) == "first"
    assert first_line(KeyError()) == "KeyError"


def test_a_short_name_is_the_end_of_a_path_a_hub_id_or_an_endpoint() -> None:
    names = ("sentence-transformers/all-MiniLM-L6-v2", "http://host/v1#docs", "runs/a/embedder/", "docs")
    assert [short_name(name) for name in names] == ["all-MiniLM-L6-v2", "docs", "embedder", "docs"]
