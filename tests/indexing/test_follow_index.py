"""Following: what moved is built, what cannot be is told once, a registry that is away is asked again."""

from __future__ import annotations

from embedworks.errors import InputError
from embedworks.indexing.follow import follow


def run(looks, builds, seen=None):
    """What was built and told, over as many looks as there are."""
    built, told = [], []
    looks, builds = list(looks), list(builds)
    left = len(looks)

    def pause() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    def look():
        now = looks.pop(0)
        if isinstance(now, Exception):
            raise now
        return now

    def build():
        built.append(left)
        if builds and (error := builds.pop(0)):
            raise error

    follow(look, build, pause, told.append, seen)
    return built, told


def test_only_what_moved_is_built():
    assert run(["1", "1", "2", "2"], [], seen="1") == ([1], [])


def test_a_registry_that_is_away_is_told_of_once_and_asked_again():
    built, told = run([OSError("away"), OSError("away"), "2"], [], seen="1")
    assert built == [0]
    assert told == ["cannot look: away; the index stays as it is"]


def test_what_cannot_be_embedded_is_not_tried_again_until_something_moves():
    built, told = run(["2", "2", "3"], [InputError("no column 'x'")], seen="1")
    assert built == [2, 0]
    assert told == ["cannot be embedded: no column 'x'; the index stays as it is"]


def test_a_failure_is_tried_again():
    built, told = run(["2", "2", "2"], [OSError("disk full")], seen="1")
    assert built == [2, 1]
    assert told == ["failed, and is tried again: disk full"]
