"""Neither the outliers nor the small elements of a task vector are added."""

from __future__ import annotations

from torch.testing import assert_close

from helpers.merges import merged

BASE = [1.0] * 10
GREAT = [10.0 - i for i in range(10)]  # task vectors 9, 8, ... 0
SMALL = [1.0 - i for i in range(10)]  # and 0, -1, ... -9


def test_the_weighted_sum_of_what_is_left():
    result = merged("breadcrumbs", [GREAT, SMALL], BASE, weight=(1, 0.5), density=0.3, gamma=0.1)
    # Left of the first are 8, 7 and 6, of the second -6, -7 and -8.
    expected = [1, 9, 8, 7, 1, 1, -2, -2.5, -3, 1]
    assert_close(result.tolist(), [float(x) for x in expected])


def test_outliers_make_room_where_the_density_would_not_be_reached():
    result = merged("breadcrumbs", [GREAT], BASE, weight=1, density=0.9, gamma=0.5)
    assert result.tolist() == [1.0, *GREAT[1:]]
