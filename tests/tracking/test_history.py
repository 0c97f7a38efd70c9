from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.tracking.history import History
from helpers.runs import tracked_jobs


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> tuple[str, dict[str, str]]:
    return tracked_jobs(tmp_path_factory.mktemp("store"))


@pytest.fixture
def history(store) -> History:
    return History(store[0])


def test_runs_know_their_job_and_their_last_numbers(history, store):
    run = history.find("second/train")
    assert run.id == store[1]["second/train"]
    assert (run.job, run.stage, run.status, run.steps) == ("second", "train", "FINISHED", 30)
    assert run.shown_metrics() == {"loss": pytest.approx(1 / 6), "speed/tokens_per_s": 3000.0}
    assert run.params == {"optimizer.learning_rate": "0.2", "batch_size": "8"}
    job = history.find("second")
    assert (job.stage, job.status, run.parent) == ("", "FAILED", job.id)


def test_a_run_is_found_by_the_beginning_of_its_id_and_the_newest_of_a_name(history, store):
    _, ids = store
    assert history.find(ids["first/train"][:10]).name == "first/train"
    assert history.find("train").id == ids["second/train"]


def test_a_beginning_that_several_have_asks_for_more(history):
    with pytest.raises(InputError, match="4 runs begin with ''"):
        history.find("")


def test_an_unknown_run_names_the_nearest(history):
    with pytest.raises(InputError, match="did you mean 'first/train'"):
        history.find("first/trian")


def test_a_step_that_was_taken_twice_counts_as_it_was_taken_last(history, store):
    _, ids = store
    run = history.find("first/train")
    history.client.log_metric(run.id, "again", 1.0, timestamp=5, step=2)
    history.client.log_metric(run.id, "again", 3.0, timestamp=9, step=1)
    history.client.log_metric(run.id, "again", 2.0, timestamp=7, step=2)
    run = History(store[0]).find(ids["first/train"])
    assert history.curve(run, "again") == [(1, 3.0), (2, 2.0)]


def test_an_unknown_metric_names_the_nearest(history):
    with pytest.raises(InputError, match="did you mean 'loss'"):
        history.curve(history.find("first/train"), "los")


def test_no_store_is_made_by_looking_for_one(tmp_path):
    with pytest.raises(InputError, match="no runs yet"):
        History(f"sqlite:///{tmp_path}/mlflow.db")
    assert list(tmp_path.iterdir()) == []
