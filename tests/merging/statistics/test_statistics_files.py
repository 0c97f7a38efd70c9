from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from embedworks.merging.statistics.files import read_numbers, write_statistics


def test_tensors_and_numbers_come_back(tmp_path):
    file = write_statistics({"a.weight": torch.eye(2).T}, {"loss": 0.1}, tmp_path / "new" / "s.safetensors")
    assert torch.equal(load_file(file)["a.weight"], torch.eye(2))
    assert read_numbers(file) == {"loss": 0.1}


def test_a_file_that_could_not_be_written_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="could not convert"):
        write_statistics({"a": torch.ones(1)}, {"loss": "much"}, tmp_path / "s.safetensors")
    assert list(tmp_path.iterdir()) == []
