import pytest
import torch

from embedworks.nn.precision import choose_dtype, has_fast_bf16


def test_auto_is_bf16_exactly_where_it_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    assert (has_fast_bf16(cpu), choose_dtype("auto", cpu)) == (False, torch.float32)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert choose_dtype("auto", cpu) == torch.bfloat16
