"""How several models are read together."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.errors import InputError
from embedworks.folder import common_settings
from embedworks.nn.instructions import Instructions
from helpers.tiny import tiny_decoder, tiny_embedder


def test_models_with_other_instructions_are_not_merged(tmp_path: Path):
    one = tiny_decoder(pooling="mean", instructions=Instructions()).save(tmp_path / "one")
    other = tiny_decoder(pooling="mean").save(tmp_path / "other")
    with pytest.raises(InputError, match="instructions"):
        common_settings([one, other])


def test_models_of_other_concepts_are_not_merged(tmp_path: Path):
    names = tuple(f"concept {number}" for number in range(32))
    one = tiny_embedder(tmp_path / "one", layers=1, dimension_names=names)
    same = tiny_embedder(tmp_path / "same", layers=1, dimension_names=names)
    other = tiny_embedder(tmp_path / "other", layers=1, dimension_names=names[::-1])
    assert common_settings([one, same]).dimension_names == names
    with pytest.raises(InputError, match="other names"):
        common_settings([one, other])


def test_a_merged_score_is_calibrated_only_as_all_are(tmp_path: Path):
    one, same, other = (
        tiny_embedder(tmp_path / name, layers=1, calibration=scale)
        for name, scale in (("one", (5.0, -2.0)), ("same", (5.0, -2.0)), ("other", (9.0, -1.0)))
    )
    assert common_settings([one, same]).calibration == (5.0, -2.0)
    assert common_settings([one, other]).calibration is None
