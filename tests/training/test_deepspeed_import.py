"""What the import of DeepSpeed leaves out, and leaves alone."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from embedworks.training.deepspeed_import import absent


def test_a_worker_does_not_read_mlflow_and_prints_nothing() -> None:
    asked = "[name in sys.modules for name in ('deepspeed', 'mlflow', 'polars')]"
    code = f"import sys, embedworks.training.engine; print({asked})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[True, False, False]\n"


def test_a_module_is_absent_within_the_block_alone(tmp_path, monkeypatch):
    (tmp_path / "somewhere_else.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with absent("somewhere_else"), pytest.raises(ImportError):
        importlib.import_module("somewhere_else")
    module = importlib.import_module("somewhere_else")
    with absent("somewhere_else"):
        assert importlib.import_module("somewhere_else") is module, "what is there stays"
    assert sys.modules["somewhere_else"] is module
