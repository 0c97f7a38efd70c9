"""The board knows who is stuck and who only waits for others."""

from __future__ import annotations

from embedworks.training.lookout import PATIENCE_SECONDS, Lookout, Sign


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def stuck(rank: int, step: int = 6, *, waits: bool = False) -> Sign:
    return Sign(rank, step, "waiting for data", f"file.py:{rank}, read", f"stack of {rank}", waits)


def test_the_one_that_does_not_wait_is_named_when_all_have_reported():
    lookout = Lookout()
    lookout.begin(2)
    assert not lookout.report_hang(stuck(0, waits=True), 9).leave
    assert lookout.take_notes() == []
    assert lookout.report_hang(stuck(1), 9).leave
    (note,) = lookout.take_notes()
    expected = "no step ended for 9 s: worker 1 is in step 7 (waiting for data) at file.py:1, read"
    assert (note.text, note.is_hang) == (expected, True)
    assert note.details == "worker 0\nstack of 0\nworker 1\nstack of 1"
    assert lookout.report_hang(stuck(0, waits=True), 9).leave
    assert lookout.take_notes() == [], "told once"


def test_the_one_that_is_a_step_behind_is_named():
    lookout = Lookout()
    lookout.begin(2)
    lookout.report_hang(stuck(0, step=7), 9)
    lookout.report_hang(stuck(1, step=6), 9)
    assert "worker 1 is in step 7" in lookout.take_notes()[0].text


def test_where_all_wait_all_are_named():
    lookout = Lookout()
    lookout.begin(2)
    lookout.report_hang(stuck(0, waits=True), 9)
    lookout.report_hang(stuck(1, waits=True), 9)
    text = lookout.take_notes()[0].text
    assert text.endswith("each waits for the others")
    assert "worker 0" in text
    assert "worker 1" in text


def test_a_worker_that_is_silent_is_named_after_a_while():
    clock = Clock()
    lookout = Lookout(clock)
    lookout.begin(3)
    lookout.report_hang(stuck(0, waits=True), 9)
    lookout.report_hang(stuck(2, waits=True), 9)
    clock.now = PATIENCE_SECONDS / 2
    assert not lookout.sign(stuck(0)).leave
    clock.now = PATIENCE_SECONDS * 2
    assert lookout.sign(stuck(0)).leave
    assert lookout.take_notes()[0].text == "no step ended for 9 s: no sign of life from worker 1"


def test_a_new_group_is_judged_by_its_own_signs():
    lookout = Lookout()
    lookout.begin(1)
    assert lookout.report_hang(stuck(0), 9).leave
    lookout.begin(1)
    assert not lookout.sign(stuck(0)).leave


def test_orders_reach_every_worker():
    lookout = Lookout()
    lookout.begin(2)
    assert lookout.sign(Sign(0, 0, "start")).saves == 0
    assert not lookout.has_begun()
    lookout.request()
    heard = lookout.sign(Sign(1, 1, "waiting for data"))
    assert (heard.saves, heard.stop) == (1, False)
    assert lookout.has_begun()
    lookout.request(stop=True)
    lookout.begin(2)
    assert lookout.sign(Sign(0, 0, "start")).stop, "also for a group that starts afterwards"
    lookout.note("a line")
    lookout.give_up("no use")
    assert [note.text for note in lookout.take_notes()] == ["a line"]
    assert lookout.verdict() == "no use"
