"""The model registry: versions with aliases, and from a ``models:/`` address to an embedder folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.folder import SETTINGS_FILE
from embedworks.tracking.downloads import fetch_model
from embedworks.tracking.tracker import default_uri

ADDRESS = re.compile(r"models:/(?P<name>[^@/]+)(?:@(?P<alias>[^@/]+)|/(?P<version>[^@/]+))?$")


def register(
    client: Any, model_id: str, run_id: str, name: str, alias: str | None, tags: Mapping[str, str]
) -> str:
    """Make a logged model the next version of ``name`` and move ``alias`` to it; returns the version."""
    import mlflow

    # The registry looks the logged model up in the process's own store, whatever the client's is.
    mlflow.set_tracking_uri(client.tracking_uri)
    if name not in registered_names(client):
        client.create_registered_model(name)
    version = client.create_model_version(
        name, source=f"models:/{model_id}", run_id=run_id, tags=dict(tags), model_id=model_id
    )
    if alias:
        client.set_registered_model_alias(name, alias, version.version)
    return str(version.version)


def registered_names(client: Any) -> list[str]:
    """Every registered name."""
    return [model.name for model in client.search_registered_models()]


def alias_holder(client: Any, name: str, alias: str) -> str | None:
    """The version that an alias of a registered model leads to; None where there is none."""
    if name not in registered_names(client):
        return None
    version = client.get_registered_model(name).aliases.get(alias)
    return str(version) if version is not None else None


def model_folder(uri: str, tracking_uri: str | None = None) -> Path:
    """The embedder folder behind ``models:/name@alias``, ``models:/name/version`` or ``models:/<id>``.

    Raises:
        InputError: for an unknown model, alias or version, naming the nearest one.
    """
    import mlflow

    match = ADDRESS.match(uri)
    if not match:
        raise InputError(f"{uri!r} is no address of a model", expected="models:/name@alias")
    store = tracking_uri or default_uri()
    client = mlflow.MlflowClient(store, registry_uri=store)
    source = uri if match["name"].startswith("m-") else _source(client, uri, match)
    mlflow.set_tracking_uri(store)
    mlflow.set_registry_uri(store)
    folder = fetch_model(client, source, store)
    found = sorted(folder.rglob(SETTINGS_FILE))
    if not found:
        raise InputError(f"{uri} holds no embedder", expected="a model that a job registered")
    return found[0].parent


def model_version(uri: str, tracking_uri: str | None = None) -> str | None:
    """The version that ``models:/name@alias`` or ``models:/name/version`` leads to; None for a model's id.

    Raises:
        InputError: for an unknown model, alias or version, naming the nearest one.
    """
    import mlflow

    match = ADDRESS.match(uri)
    if not match:
        raise InputError(f"{uri!r} is no address of a model", expected="models:/name@alias")
    if match["name"].startswith("m-"):
        return None
    store = tracking_uri or default_uri()
    client = mlflow.MlflowClient(store, registry_uri=store)
    if match["alias"]:  # asked again and again: one light question, and the others when something is wrong
        try:
            return str(client.get_model_version_by_alias(match["name"], match["alias"]).version)
        except mlflow.MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
    return str(_found(client, uri, match).version)


def _source(client: Any, uri: str, match: re.Match[str]) -> str:
    return str(_found(client, uri, match).source)


def _found(client: Any, uri: str, match: re.Match[str]) -> Any:
    name, alias, version = match["name"], match["alias"], match["version"]
    known = registered_names(client)
    if name not in known:
        raise InputError(
            f"no registered model {name!r}", expected=f"one of {known}", name=name, known=known
        )
    if alias:
        aliases = client.get_registered_model(name).aliases
        if alias not in aliases:
            raise InputError(
                f"{uri}: no alias {alias!r}", name=alias, known=aliases, expected=f"{[*aliases]}"
            )
        version = aliases[alias]
    versions = {str(found.version): found for found in client.search_model_versions(f"name='{name}'")}
    version = str(version or max(versions, key=int))
    if version not in versions:
        raise InputError(f"{uri}: no version {version}", expected=f"one of {sorted(versions, key=int)}")
    return versions[version]
