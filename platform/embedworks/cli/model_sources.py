"""Where models come from: a folder, the hub, or the registry of an MLflow server."""

from __future__ import annotations

import os
from pathlib import Path

from embedworks.registered import is_registered

PATIENCE_S = "10"


class ModelSources:
    """A model's source to its folder, and to its version; can be pickled and used on another node.

    Args:
        tracking_uri: The MLflow server; None is the one that this process knows, here and elsewhere.
    """

    def __init__(self, tracking_uri: str | None = None) -> None:
        from embedworks.tracking.tracker import default_uri

        self.tracking_uri = tracking_uri or default_uri()

    def __call__(self, source: str) -> Path:
        """The folder.

        Raises:
            InputError: for what is not there, with the nearest name.
        """
        if is_registered(source):
            from embedworks.tracking.registry import model_folder

            self._hurry()
            folder: Path = model_folder(source, self.tracking_uri)
            return folder
        from embedworks.folder import resolve_model

        return resolve_model(source)

    def version(self, source: str) -> str | None:
        """The version that a registry's address leads to now; None for what has none.

        Raises:
            InputError: for an unknown model, alias or version.
        """
        from embedworks.tracking.registry import model_version

        self._hurry()
        return model_version(source, self.tracking_uri)

    def _hurry(self) -> None:
        """A registry that is away is asked again soon; nobody waits for minutes."""
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", PATIENCE_S)
