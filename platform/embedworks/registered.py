"""How registered models are written: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, ``models:/ID``."""

from __future__ import annotations

REGISTRY = "models:/"


def is_registered(source: str) -> bool:
    """Whether a source is in a model registry.

    >>> is_registered("models:/docs@champion"), is_registered("runs/docs/embedder")
    (True, False)
    """
    return source.startswith(REGISTRY)


def is_alias(source: str) -> bool:
    """Whether a source is a registry's alias, which can move.

    >>> is_alias("models:/docs@champion"), is_alias("models:/docs/3")
    (True, False)
    """
    return is_registered(source) and "@" in source


def registered_name(source: str) -> str:
    """The name of a registered model.

    >>> registered_name("models:/docs@champion"), registered_name("models:/docs/3")
    ('docs', 'docs')
    """
    return source.removeprefix(REGISTRY).partition("@")[0].partition("/")[0]


def pinned(source: str, version: str) -> str:
    """A registered model at one version.

    >>> pinned("models:/docs@champion", "3")
    'models:/docs/3'
    """
    return f"{REGISTRY}{registered_name(source)}/{version}"
