"""Finds the models that a configuration names, and refuses what could not be served."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from embedworks.errors import InputError
from embedworks.folder import load_tokenizer, read_settings, refuse_pickles, resolve_model, weights_digest
from embedworks.inference.backends.opening import check_served
from embedworks.registered import is_registered, pinned
from embedworks.serving.config import ServeConfig, Served, ServedModel
from embedworks.serving.rollout import Revision

Resolve = Callable[[str], Path]
DIGEST_DIGITS = 12


def find_models(config: ServeConfig, resolve: Resolve | None = None) -> list[Served]:
    """Find every model's folder, and refuse what could not be served before anything starts.

    Args:
        config: The endpoint.
        resolve: Source to folder; the default knows folders and hub ids.

    Raises:
        InputError: for a model that is missing, unreadable or pickled.
    """
    return [serve_revision(model, find_revision(model, model.source, resolve)) for model in config.models]


def find_revision(model: ServedModel, source: str, resolve: Resolve | None = None) -> Revision:
    """The version that a source leads to now; an alias is asked once, so that version and folder agree.

    Args:
        model: How it will be served.
        source: Of the model, its canary or its shadow.
        resolve: As :func:`find_models` has it. Where it has a method ``version(source)``, a registry is
            asked for the version first.

    Raises:
        InputError: for a model that is missing, unreadable or pickled.
    """
    resolve = resolve or _resolve
    version = version_of(source, resolve)
    exact = pinned(source, version) if version else source
    folder = resolve(exact).resolve()
    refuse_pickles(folder)
    read_settings(folder)
    load_tokenizer(folder)
    if not (folder / "config.json").is_file():
        raise InputError(f"no config.json in {folder}", expected="an embedder folder")
    if model.backend not in (None, "auto"):
        check_served(model.backend, model.precision, folder)
    digits = version or weights_digest(folder)[:DIGEST_DIGITS]
    return Revision(source=exact, version=digits, folder=folder, since=int(time.time()))


def version_of(source: str, resolve: Resolve | None) -> str | None:
    """The version that a registry's address leads to now; None for what is in no registry."""
    look = getattr(resolve, "version", None)
    if look is None or not is_registered(source):
        return None
    found = look(source)
    return str(found) if found is not None else None


def serve_revision(model: ServedModel, revision: Revision) -> Served:
    """A model at one version."""
    found = {"source": revision.source, "folder": revision.folder, "created": revision.since}
    return Served(**model.model_dump() | found, version=revision.version)


def _resolve(source: str) -> Path:
    if is_registered(source):
        raise InputError(f"{source!r} needs a model registry", expected="a folder or a hub id here")
    return resolve_model(source)
