"""Registered models of a server far away, kept on this machine: one copy each, whoever asks for it.

Nothing is deleted here: a replica that starts again after months reads its copy.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from embedworks.registered import REGISTRY

CACHE = "EMBEDWORKS_MODELS_CACHE"
LOGGED = f"{REGISTRY}m-"  # a logged model never changes


def fetch_model(client: Any, source: str, store: str) -> Path:
    """The folder of a logged model's artifacts: where they are if that is here, else a copy.

    Args:
        client: An ``MlflowClient`` of ``store``.
        source: ``models:/<model id>``, or another address of artifacts, which is downloaded each time.
        store: The tracking URI.
    """
    import mlflow

    if not source.startswith(LOGGED):
        return Path(mlflow.artifacts.download_artifacts(source, tracking_uri=store))
    model_id = source.removeprefix(REGISTRY)
    here = local_folder(client.get_logged_model(model_id).artifact_location)
    return here or _copy(model_id, source, store)


def local_folder(location: str) -> Path | None:
    """The folder that a path or a ``file:`` address names, if it is one of this machine."""
    parts = urlsplit(location)
    path = Path(unquote(parts.path))
    return path if parts.scheme in ("", "file") and path.is_dir() else None


def _copy(model_id: str, source: str, store: str) -> Path:
    import mlflow

    folder = cache_folder() / model_id
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as partial:
        found = mlflow.artifacts.download_artifacts(source, dst_path=partial, tracking_uri=store)
        try:
            Path(found).rename(folder)
        except OSError:  # another process was quicker
            if not folder.is_dir():
                raise
    return folder


def cache_folder() -> Path:
    """Where copies are kept: ``$EMBEDWORKS_MODELS_CACHE``, or ``~/.cache/embedworks/models``."""
    given = os.environ.get(CACHE)
    return Path(given) if given else Path.home() / ".cache" / "embedworks" / "models"
