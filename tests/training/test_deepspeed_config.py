from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.training.deepspeed_config import check_deepspeed, deepspeed_config
from embedworks.training.options import TrainingOptions


def test_what_a_job_adds_is_merged_into_our_own():
    given = {"zero_optimization": {"reduce_bucket_size": 1000}, "prescale_gradients": True}
    check_deepspeed(given)
    config = deepspeed_config(TrainingOptions(zero=2, deepspeed=given), 2)
    assert config["zero_optimization"]["reduce_bucket_size"] == 1000
    assert config["zero_optimization"]["stage"] == 2
    assert config["prescale_gradients"] is True


def test_offload_and_precision_are_written_as_deepspeed_wants_them():
    options = TrainingOptions.model_validate(
        {
            "zero": 3,
            "precision": "fp16",
            "offload": {"optimizer": "nvme", "parameters": "cpu", "path": "/d"},
        }
    )
    config = deepspeed_config(options, 1)
    assert config["fp16"]["enabled"]
    assert not config["bf16"]["enabled"]
    assert config["zero_optimization"]["offload_optimizer"] == {"device": "nvme", "nvme_path": "/d"}
    check_zero_block = {k: v for k, v in config["zero_optimization"].items() if k != "stage"}
    from deepspeed.runtime.zero.config import DeepSpeedZeroConfig

    DeepSpeedZeroConfig(**check_zero_block)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"gradient_clipping": 1.0}, "optimizer.clip"),
        ({"zero_optimization": {"stage": 2}}, "zero"),
        ({"zero_optimisation": {}}, "did you mean 'zero_optimization'"),
        ({"zero_optimization": {"reduce_bucket_sise": 1}}, "did you mean 'reduce_bucket_size'"),
        ({"zero_optimization": {"reduce_bucket_size": "many"}}, "reduce_bucket_size"),
    ],
)
def test_unknown_keys_and_our_own_are_refused(given, hint):
    with pytest.raises(InputError) as caught:
        check_deepspeed(given)
    assert hint in str(caught.value)
