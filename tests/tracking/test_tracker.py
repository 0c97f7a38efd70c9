from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.folder import weights_digest
from embedworks.tracking.registry import alias_holder, model_folder, register
from embedworks.tracking.tracker import Tracker, flatten


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(scope="module")
def tracker(uri) -> Tracker:
    return Tracker(uri, "tests")


def test_flatten_names_nested_parameters():
    assert dict(flatten({"a": {"b": 1}, "c": [1, 2], "d": {}})) == {"a.b": 1, "c": "[1, 2]", "d": {}}


def test_a_run_goes_on_under_its_id(tracker):
    first = tracker.start("job", {"seed": 1})
    tracker.end(first, "FAILED")
    assert tracker.start("job", {"seed": 1}, run_id=first) == first
    assert tracker.client.get_run(first).info.status == "RUNNING"
    assert tracker.start("job", {}, run_id="0" * 32) != first


def test_an_alias_leads_to_the_folder(tracker, uri, tiny_folder):
    run = tracker.start("stage", {})
    model = tracker.log_embedder(run, tiny_folder, "tiny", {"loss": 0.5}, step=3)
    assert register(tracker.client, model, run, "tiny", "champion", {"stage": "s"}) == "1"
    for address in ("models:/tiny@champion", "models:/tiny/1", f"models:/{model}"):
        assert weights_digest(model_folder(address, uri)) == weights_digest(tiny_folder)
    assert alias_holder(tracker.client, "tiny", "champion") == "1"
    assert alias_holder(tracker.client, "tiny", "challenger") is None
    assert alias_holder(tracker.client, "none", "champion") is None


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("models:/tinny@champion", "did you mean 'tiny'"),
        ("models:/tiny@champ", "did you mean 'champion'"),
        ("models:/tiny/9", "no version 9"),
        ("models:tiny", "no address"),
    ],
)
def test_wrong_addresses_name_the_nearest(tracker, uri, address, hint):
    with pytest.raises(InputError, match=hint):
        model_folder(address, uri)


def test_a_store_that_cannot_be_used_is_one_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be used"):
        Tracker(f"sqlite:///{tmp_path}/file/mlflow.db", "x")
