from __future__ import annotations

import pytest
import torch

from embedworks.training.peak import device_peak, gpu_peak, matmul_peak


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA L4", 121),
        ("NVIDIA L40S", 362),
        ("Tesla V100-SXM2-16GB", 125),
        ("Tesla T4", 65),
        ("AMD Instinct MI300X", 1307),
    ],
)
def test_gpus_are_known_by_their_drivers_names(name, teraflops):
    assert gpu_peak(name) == teraflops * 1e12


def test_an_unknown_gpu_has_no_peak():
    assert gpu_peak("NVIDIA GeForce RTX 4090") is None


def test_a_processor_is_measured_once_and_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    first = device_peak(torch.device("cpu"), "fp32")
    assert first > 1e8
    assert device_peak(torch.device("cpu"), "fp32") == first == matmul_peak(torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
