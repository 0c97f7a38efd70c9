"""Which Ray cluster a command joins."""

from __future__ import annotations

import socket

import pytest

from embedworks.cli import ray_session


@pytest.fixture
def remembered(monkeypatch):
    """Set the address that Ray remembers of its last start."""

    def remember(address):
        monkeypatch.setattr("ray._private.utils.read_ray_address", lambda: address)

    return remember


def test_a_node_that_was_killed_is_not_waited_for(remembered) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    remembered(f"127.0.0.1:{port}")
    assert ray_session._last_start_is_gone()


def test_a_node_that_listens_is_joined(remembered) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        remembered(f"127.0.0.1:{server.getsockname()[1]}")
        assert not ray_session._last_start_is_gone()


def test_without_any_start_nothing_is_gone(remembered) -> None:
    remembered(None)
    assert not ray_session._last_start_is_gone()
