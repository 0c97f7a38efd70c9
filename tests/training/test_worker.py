from __future__ import annotations

import pytest

from embedworks.training.worker import check_finite


def test_a_loss_that_is_no_number_stops_the_run():
    with pytest.raises(FloatingPointError, match="step 3"):
        check_finite({"loss": float("nan")}, 3)
