"""Looks again and again at what an index is made of, and makes it anew when that has moved."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from embedworks.errors import InputError, first_line


def follow(
    look: Callable[[], Hashable],
    build: Callable[[], object],
    pause: Callable[[], bool],
    tell: Callable[[str], None],
    seen: Hashable = None,
) -> None:
    """Build whenever what is looked at has changed, until ``pause`` says that it is enough.

    A registry that does not answer is asked again after the pause. What cannot be embedded is told, and
    not tried again until something moves; the index goes on answering as it is.

    Args:
        look: What the index is made of now: the model's version, the corpus's digest.
        build: Makes it.
        pause: Waits; true where following ends.
        tell: Told of troubles.
        seen: What the index was made of.
    """
    trouble = ""
    while not pause():
        try:
            now = look()
        except Exception as error:
            if str(error) != trouble:  # the same one is told once
                trouble = str(error)
                tell(f"cannot look: {first_line(error)}; the index stays as it is")
            continue
        trouble = ""
        if now != seen and _built(build, tell):
            seen = now


def _built(build: Callable[[], object], tell: Callable[[str], None]) -> bool:
    """Whether it need not be tried again."""
    try:
        build()
    except InputError as error:
        tell(f"cannot be embedded: {error}; the index stays as it is")
    except Exception as error:
        tell(f"failed, and is tried again: {first_line(error)}")
        return False
    return True
