from __future__ import annotations

import pytest
import torch

from embedworks.training.worker import padding


def test_padding_is_counted_over_all_masks():
    batch = {
        "query_mask": torch.tensor([[1, 1], [1, 0]]),
        "candidate_mask": torch.tensor([[1, 0, 0, 0]]),
        "query_ids": torch.zeros(2, 2),
    }
    assert float(padding(batch)["padding"]) == pytest.approx(4 / 8)
    assert padding({"image": torch.zeros(1)}) == {}
