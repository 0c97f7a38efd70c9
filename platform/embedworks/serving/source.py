"""What ``serve`` was pointed at, a configuration file or a model, together with its options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.registered import is_registered, registered_name
from embedworks.serving.config import ServeConfig
from embedworks.serving.ports import check_exposure
from embedworks.serving.reading import load_config, parse_config
from embedworks.serving.replicas import Replicas
from embedworks.serving.searching.finding import name_of


def configure(
    source: str | None,
    *,
    host: str | None = None,
    port: int | None = None,
    name: str | None = None,
    replicas: str | None = None,
    keys: str | None = None,
    backend: str | None = None,
    follow: bool | None = None,
    indexes: Sequence[str] = (),
    report: str | None = None,
) -> ServeConfig:
    """The endpoint that a configuration file or a model, and the options, describe.

    Args:
        source: The file or the model; None where only indexes are served.
        host: See :class:`ServeConfig`, as the other options.
        port: To listen on.
        name: Of the model.
        replicas: Of the model.
        keys: A file of keys.
        backend: Of the model.
        follow: Whether aliases are.
        indexes: Folders of indexes, beside those of the file.
        report: The page of a report, or its folder.

    Raises:
        InputError: for a bad file, options that name one model where the file has several, an index that
            is not there, or an address that others can reach without keys.
    """
    if source is None and not indexes:
        expected = "a Serve configuration, a model, or --index PATH"
        raise InputError("there is nothing to serve", expected=expected)
    values = _values(source) if source else {"models": []}
    models: list[dict[str, Any]] = values["models"]
    also = [{"name": name_of(path), "path": path} for path in indexes]
    values["indexes"] = [*values.get("indexes", ()), *also]
    options = (("host", host), ("port", port), ("keys", keys), ("follow", follow), ("report", report))
    values |= {key: value for key, value in options if value is not None}
    chosen: dict[str, Any] = {"name": name} if name else {}
    if replicas:
        chosen["replicas"] = parse_replicas(replicas)
    if backend:
        chosen["backend"] = backend
    if chosen and len(models) != 1:
        how_many = "several models" if models else "no model"
        raise InputError(
            f"{source or 'the endpoint'} has {how_many}", expected=f"{' and '.join(chosen)} in the file"
        )
    if chosen:
        models[0] |= chosen
    configured = parse_config(values, source or "the options")
    check_exposure(configured.host, bool(configured.keys))
    return configured


def _values(source: str) -> dict[str, Any]:
    """A configuration's values: of a file, or of a model alone."""
    if source.endswith((".yaml", ".yml")) or Path(source).is_file():
        return load_config(Path(source)).model_dump()
    return {"models": [{"name": model_name(source), "source": source}]}


def model_name(source: str) -> str:
    """What requests call a model that was given without a name.

    >>> model_name("runs/docs/embedder"), model_name("models:/docs@champion"), model_name("org/small")
    ('embedder', 'docs', 'org/small')
    """
    if is_registered(source):
        return registered_name(source)
    is_path = Path(source).expanduser().exists() or source.count("/") != 1 or source.startswith((".", "~"))
    return Path(source).expanduser().resolve().name if is_path else source


def parse_replicas(text: str) -> Replicas:
    """``"2"`` to a fixed number of replicas, ``"1-4"`` or ``"0-4"`` to one that follows the traffic.

    Raises:
        InputError: for anything else.
    """
    low, dash, high = text.partition("-")
    try:
        least, most = int(low), int(high if dash else low)
    except ValueError:
        least = most = -1
    if not (0 <= least <= most and most):
        raise InputError(
            f"{text!r} is no number of replicas", expected="N or MIN-MAX, such as 2, 1-4 or 0-4"
        )
    return Replicas(min=least, max=most)
