from __future__ import annotations

import threading
from pathlib import Path

import pytest

from embedworks.tracking.sqlite import opening, sqlite_file, sqlite_uri


def test_a_second_waits_for_the_first(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    order: list[str] = []

    def second() -> None:
        with opening(uri):
            order.append("second in")

    other = threading.Thread(target=second)
    with opening(uri):
        other.start()
        other.join(0.2)
        order.append("first out")
    other.join(10)
    assert order == ["first out", "second in"]


@pytest.mark.parametrize("uri", ["http://localhost:5000", "sqlite:////no/such/folder/mlflow.db"])
def test_what_is_no_file_is_not_waited_for(uri):
    with opening(uri), opening(uri):
        pass


def test_a_uri_names_its_file_and_a_server_has_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sqlite_uri(Path("mlflow.db")) == f"sqlite:///{tmp_path}/mlflow.db"
    assert sqlite_file(sqlite_uri(Path("mlflow.db"))) == tmp_path / "mlflow.db"
    assert sqlite_file("http://localhost:5000") is None


def test_it_is_let_go_of_after_an_error(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(ValueError, match="x"), opening(uri):
        raise ValueError("x")
    with opening(uri):
        pass
