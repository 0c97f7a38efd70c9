"""Every method that mergekit has too gives what mergekit 0.1.5 gives, in float32.

Shapes, numbers of models, values and parameters vary. Random masks differ between the two; in tests named
so, mergekit's draws are replaced by ours, and all else is compared.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from embedworks.merging.method import Group, find_method
from embedworks.merging.sparsify import random_words

mergekit = pytest.importorskip("mergekit.merge_methods.api")

SHAPES = [(), (1,), (7,), (101,), (1, 9), (9, 1), (16, 16), (33, 65), (5, 3, 3), (4, 6, 1, 2)]
# Vectors of few elements are now and then almost opposite, where mergekit's angles in float32 are rounding.
LONG = [(101,), (1, 90), (16, 33), (33, 65), (5, 3, 40), (65, 33)]
SHAPES_OF = {"model_stock": LONG, "multislerp": LONG, "nuslerp": LONG}
TRUTH = st.booleans()
SHARE = st.sampled_from([0.0, 0.01, 0.29, 0.5, 0.8, 1.0])
WEIGHTS = st.lists(st.sampled_from([0.1, 0.5, 1.0, 1.7]), min_size=5, max_size=5)
# Of a larger sum, the part of mergekit's result that should be zero is more rounding than 1e-6.
SMALL = st.lists(st.sampled_from([0.05, 0.1, 0.3]), min_size=5, max_size=5)
# Multiples of 1/8, whose sums are exact in float32: mergekit divides by them.
SIGNED = st.lists(st.sampled_from([-0.375, 0.125, 0.5, 1.0, 1.75]), min_size=5, max_size=5)
TASK = {
    "weight": SIGNED,
    "lambda": st.sampled_from([1.0, 0.3, -1.0]),
    "normalize": TRUTH,
    "int8_mask": TRUTH,
}
SPARSE = TASK | {"density": st.lists(SHARE, min_size=5, max_size=5), "rescale": TRUTH}
GAMMA = st.lists(st.sampled_from([0.0, 0.01, 0.3]), min_size=5, max_size=5)
EPSILON = st.sampled_from([1e-5, 0.3, 1.0])

EXACT: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "arcee_fusion": {},
    "breadcrumbs": SPARSE | {"gamma": GAMMA},
    "breadcrumbs_ties": SPARSE | {"gamma": GAMMA},
    "karcher": {"max_iter": st.sampled_from([0, 1, 10]), "tol": st.sampled_from([1e-5, 1e-3])},
    "linear": {"weight": WEIGHTS, "normalize": TRUTH},
    "model_stock": {"filter_wise": TRUTH},
    "multislerp": {"weight": SMALL, "normalize_weights": TRUTH},
    "nearswap": {"t": st.sampled_from([0.0, 1e-4, 0.3, 9.0])},
    "nuslerp": {"weight": WEIGHTS, "nuslerp_flatten": TRUTH, "nuslerp_row_wise": TRUTH},
    "passthrough": {"scale": st.lists(st.sampled_from([None, 0.5, -1.0]), min_size=5, max_size=5)},
    "ram": {"epsilon": EPSILON},
    "ramplus_tl": {
        "epsilon": EPSILON,
        "r": st.sampled_from([0.1, 0.7]),
        "alpha": st.sampled_from([0.2, 3.0]),
    },
    "sce": {"select_topk": SHARE, "int8_mask": TRUTH},
    "slerp": {"t": st.sampled_from([0.0, 0.3, 0.5, 1.0, 1.4])},
    "task_arithmetic": TASK,
    "ties": SPARSE,
}
RANDOM: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "dare_linear": SPARSE,
    "dare_ties": SPARSE,
    "della": SPARSE | {"epsilon": st.just([0.15, 0.1, 0.15, 0.05, 0.0])},
    "della_linear": SPARSE | {"epsilon": st.just([0.15, 0.1, 0.15, 0.05, 0.0])},
}


def both(method: str, shape: tuple[int, ...], models: int, seed: int, scale: float, values: dict[str, Any]):
    """Our result and a call for mergekit's, and the group that ours was made of."""
    module = find_method(method)
    needs = module.INPUTS
    models = 2 if needs.base == "end" else min(max(models, needs.least), needs.most or 5)
    generator = torch.Generator().manual_seed(seed)
    has_base = needs.base == "required" or (needs.base == "optional" and seed % 2 == 0)
    start = torch.randn(shape, generator=generator)
    tensors = [start + scale * torch.randn(shape, generator=generator) for _ in range(models)]
    values = {k: v[:models] if isinstance(v, list) else v for k, v in values.items()}
    base = start if has_base else None
    group = Group.of(tensors, base)
    ours = module.merge(group, module.Parameters.of(models, **values))

    def theirs() -> torch.Tensor:
        index = 0 if has_base or needs.base == "end" else None
        everything = [start, *tensors] if has_base else tensors
        return mergekit.merge_tensors(everything, method, parameters=values, base_index=index)

    return ours, theirs, group


def assert_equal(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """To 1e-6 of the tensor's scale."""
    scale = max(1.0, float(theirs.abs().max())) if theirs.numel() else 1.0
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6 * scale)


def cases(strategies: dict[str, dict[str, st.SearchStrategy[Any]]]):
    return [
        pytest.param(name, st.fixed_dictionaries(values), id=name) for name, values in strategies.items()
    ]


@pytest.mark.parametrize(("method", "strategy"), cases(EXACT))
def test_the_result_is_mergekits(method, strategy):
    shapes = st.sampled_from(SHAPES_OF.get(method, SHAPES))

    @settings(max_examples=40, derandomize=True, database=None)
    @given(shapes, st.integers(1, 5), st.integers(0, 9999), st.sampled_from([1.0, 0.05]), strategy)
    def check(shape, models, seed, scale, values):
        ours, theirs, _ = both(method, shape, models, seed, scale, values)
        assert_equal(ours, theirs())

    check()


@pytest.mark.parametrize(("method", "strategy"), cases(RANDOM))
def test_all_but_the_draw_of_the_mask_is_mergekits(method, strategy, monkeypatch):
    shapes = st.sampled_from(SHAPES_OF.get(method, SHAPES))

    @settings(max_examples=40, derandomize=True, database=None)
    @given(shapes, st.integers(1, 5), st.integers(0, 9999), st.sampled_from([1.0, 0.05]), strategy)
    def check(shape, models, seed, scale, values):
        if method.startswith("della"):  # mergekit has no answer for numbers and for rows of one element
            shape = tuple(max(2, size) for size in shape) or (2,)
            values["density"] = [density if density in (0, 1) else 0.5 for density in values["density"]]
        ours, theirs, group = both(method, shape, models, seed, scale, values)
        drawn = [i for i, density in enumerate(values["density"]) if i < len(group) and 0 < density < 1]
        if method.startswith("dare"):  # mergekit draws masks of zeros too
            drawn = [i for i in range(len(group)) if values["density"][i] < 1]
        draws = iter(drawn)

        def bernoulli(probabilities: torch.Tensor) -> torch.Tensor:
            words = random_words(probabilities.numel(), group.generator(next(draws)))
            order = (0, *range(2, probabilities.dim()), 1) if method.startswith("della") else None
            if order and probabilities.dim() > 2:  # ours are drawn row by row
                back = (0, probabilities.dim() - 1, *range(1, probabilities.dim() - 1))
                words = words.view([probabilities.shape[i] for i in order]).permute(back)
            share = (words.reshape(probabilities.shape).double() + 2**31) / 2**32
            return (share < probabilities.double()).to(probabilities.dtype)

        with monkeypatch.context() as patch:
            patch.setattr(torch, "bernoulli", bernoulli)
            result = theirs()
        assert list(draws) == []
        assert_equal(ours, result)

    check()
