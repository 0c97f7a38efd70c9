from __future__ import annotations

import importlib
import sys

import pytest

from embedworks.training.loop import absent


def test_a_module_is_absent_within_the_block_alone(tmp_path, monkeypatch):
    (tmp_path / "somewhere_else.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with absent("somewhere_else"), pytest.raises(ImportError):
        importlib.import_module("somewhere_else")
    module = importlib.import_module("somewhere_else")
    with absent("somewhere_else"):
        assert importlib.import_module("somewhere_else") is module, "what is there stays"
    assert sys.modules["somewhere_else"] is module
