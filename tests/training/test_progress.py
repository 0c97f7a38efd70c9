from __future__ import annotations

from embedworks.training.progress import POINTS, Points, Progress


def point(step: int, seconds: float) -> Progress:
    return Progress(step, 100, {"loss": 1.0 / step}, 2, int(seconds * 1000))


def test_a_new_driver_reads_the_last_points_and_not_all(tmp_path):
    points = Points(tmp_path / "work")
    assert points.newest() == []
    for step, seconds in ((1, 0), (2, 500), (3, 559), (4, 560)):
        points.append(point(step, seconds))
    assert points.newest() == [point(2, 500), point(3, 559), point(4, 560)]


def test_a_point_that_a_kill_cut_off_is_passed_over(tmp_path):
    points = Points(tmp_path)
    points.append(point(1, 1))
    with (tmp_path / POINTS).open("ab") as file:
        file.write(b'{"step": 2, "st')
    assert points.newest() == [point(1, 1)]


def test_a_disk_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    Points(tmp_path / "file").append(point(1, 1))
    assert Points(tmp_path / "file").newest() == []


def test_points_of_now_have_the_time(tmp_path):
    assert Progress(1, 2, {}).time > 1.6e12
