"""What the import of DeepSpeed leaves out, and leaves alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from embedworks.training.deepspeed_import import absent


def test_a_worker_does_not_read_mlflow_and_prints_nothing() -> None:
    asked = "[name in sys.modules for name in ('deepspeed', 'mlflow', 'polars')]"
    code = f"import sys, embedworks.training.engine; print({asked})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[True, False, False]\n"


def test_what_is_absent_cannot_be_imported_and_can_afterwards() -> None:
    sys.modules.pop("colorsys", None)
    with absent("colorsys"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    assert colorsys.hsv_to_rgb(0, 0, 1) == (1, 1, 1)


def test_what_was_imported_before_stays() -> None:
    before = sys.modules["json"] = __import__("json")
    with absent("json"):
        import json

        assert json is before
    assert sys.modules["json"] is before
