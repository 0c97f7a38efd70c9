"""How several models are read together."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.errors import InputError
from embedworks.folder import common_settings
from embedworks.nn.instructions import Instructions
from helpers.tiny import tiny_decoder


def test_models_with_other_instructions_are_not_merged(tmp_path: Path):
    one = tiny_decoder(pooling="mean", instructions=Instructions()).save(tmp_path / "one")
    other = tiny_decoder(pooling="mean").save(tmp_path / "other")
    with pytest.raises(InputError, match="instructions"):
        common_settings([one, other])
