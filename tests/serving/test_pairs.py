import pytest

from embedworks.serving.pairs import Size, choose_size

PAIRS = ((1, 8), (2, 16), (4, 32))
FULL = (4, 32)


@pytest.mark.parametrize(
    ("layers", "dimensions", "expected"),
    [
        (None, None, Size(4, 32, True)),
        (None, 16, Size(2, 16, True)),
        (None, 9, Size(2, 9, False)),
        (None, 3, Size(1, 3, False)),
        (2, None, Size(2, 16, True)),
        (3, None, Size(3, 32, False)),
        (1, 32, Size(1, 32, False)),
        (1, 8, Size(1, 8, True)),
    ],
)
def test_what_is_left_open_comes_from_the_trained_pairs(
    layers: int | None, dimensions: int | None, expected: Size
) -> None:
    assert choose_size(layers, dimensions, PAIRS, FULL) == expected


def test_a_model_without_pairs_is_trained_at_full_size_only() -> None:
    assert choose_size(None, None, (), FULL) == Size(4, 32, True)
    assert choose_size(None, 16, (), FULL) == Size(4, 16, False)
    assert choose_size(2, None, (), FULL) == Size(2, 32, False)


def test_dimensions_wider_than_every_pair_read_the_full_depth() -> None:
    assert choose_size(None, 20, ((2, 16),), (2, 32)) == Size(2, 20, False)


def test_dimensions_alone_keep_the_depth_where_every_depth_has_every_width() -> None:
    grid = tuple((n, d) for n in (1, 2, 3, 4) for d in (8, 16, 32))
    assert choose_size(None, 16, grid, FULL) == Size(4, 16, True)
    assert choose_size(2, None, grid, FULL) == Size(2, 32, True)
    assert choose_size(2, 8, grid, FULL) == Size(2, 8, True)
