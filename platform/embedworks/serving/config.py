"""What a Serve configuration says: the models of an endpoint, and how each one runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from embedworks.errors import InputError, nearest
from embedworks.folder import (
    load_tokenizer,
    read_settings,
    refuse_pickles,
    resolve_model,
    weights_digest,
)
from embedworks.inference.backends.opening import check_served
from embedworks.inference.backends.protocol import BackendName, ServingPrecision
from embedworks.serving.keys import Key, load_keys
from embedworks.serving.limits import Limits
from embedworks.serving.observing.settings import Logs, Tracing
from embedworks.serving.rollout import Revision
from embedworks.serving.variants import REGISTRY, Checks, Follow, Variant, is_alias, pinned

Resolve = Callable[[str], Path]
DIGEST_DIGITS = 12


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Replicas(_Model):
    """How many replicas a model has; the number follows the traffic where ``max`` is above ``min``."""

    min: int = Field(default=1, ge=0, description="always ready; 0 lets the last one go when idle")
    max: int = Field(default=1, ge=1)
    target_requests: float = Field(default=16, gt=0, description="requests a replica should have in hand")
    idle_s: float = Field(default=300, gt=0, description="without a request, before the last one goes")

    @model_validator(mode="after")
    def _ordered(self) -> Replicas:
        if self.max < self.min:
            raise ValueError(f"max={self.max} is below min={self.min}")
        return self


class Pool(_Model):
    """Replicas that many small models share.

    A replica keeps as many of them in memory as ``models_in_memory`` says, and lets the one go that was not
    asked for the longest. Requests go to a replica that has their model, where one has.
    """

    name: str = Field(min_length=1)
    replicas: Replicas = Field(default=Replicas(), description="N, or {min, max, target_requests}")
    num_cpus: float = Field(default=1, gt=0, description="CPUs, and torch threads, a replica")
    num_gpus: float = Field(default=0, ge=0)
    models_in_memory: int = Field(default=3, ge=1, description="of a replica")

    @field_validator("replicas", mode="before")
    @classmethod
    def _fixed(cls, value: object) -> object:
        return {"min": value, "max": value} if isinstance(value, int) else value


OF_A_POOL = ("replicas", "num_cpus", "num_gpus")  # what a model in a pool has no say in


class ServedModel(_Model):
    """One model of an endpoint.

    ``name`` is what requests say in ``model``; ``source`` is a folder, a hub id, or a registered
    model as ``models:/name@alias``.
    """

    name: str = Field(min_length=1)
    source: str = Field(min_length=1)
    pool: str | None = Field(default=None, description="name of the pool whose replicas run it")
    precision: ServingPrecision = "auto"
    backend: BackendName | Literal["auto"] | None = Field(
        default=None, description="packed for BERT-like models on CPUs, else torch; auto measures and picks"
    )
    min_cosine: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="of the worst probe text to float32; 0.98 for int8, else 0.999",
    )
    replicas: Replicas = Field(default=Replicas(), description="N, or {min, max, target_requests}")
    num_cpus: float = Field(default=1, gt=0, description="CPUs that Ray keeps for a replica")
    num_gpus: float = Field(default=0, ge=0)
    threads: int | None = Field(
        default=None, ge=1, description="of a replica; num_cpus, or all cores for one replica with the door"
    )
    max_tokens_per_batch: int = Field(default=2048, ge=1, description="padded tokens of a forward pass")
    max_waiting: int = Field(default=4096, ge=1, description="texts in a replica's queue; more get 429")
    sizes: Literal["trained", "any"] = Field(
        default="trained", description="layers and dimensions that requests may ask for"
    )
    truncate: bool = Field(default=False, description="cut inputs that are too long, unless a request says")
    follow: Follow | None = Field(default=None, description="true, or {every_s}: roll when the alias moves")
    canary: Variant | None = Field(default=None, description="another version for a share of the clients")
    shadow: Variant | None = Field(default=None, description="another version that gets copies of requests")
    checks: Checks | None = Field(default=None, description="what a version must pass to be served")

    @field_validator("replicas", mode="before")
    @classmethod
    def _fixed(cls, value: object) -> object:
        return {"min": value, "max": value} if isinstance(value, int) else value

    @field_validator("follow", mode="before")
    @classmethod
    def _switched(cls, value: object) -> object:
        return ({} if value else None) if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _changeable(self) -> ServedModel:
        if self.pool and (self.follow or self.canary or self.shadow):
            raise ValueError(f"model {self.name!r} is in a pool; what changes needs replicas of its own")
        sources = [self.source, *(each.source for each in (self.canary, self.shadow) if each)]
        if self.follow and not any(map(is_alias, sources)):
            raise ValueError(f"follow needs an alias; expected models:/NAME@ALIAS, not {self.source!r}")
        return self

    @property
    def changes(self) -> bool:
        """Whether it needs replicas of its own, which come and go behind a door that stays."""
        return bool(self.follow or self.canary or self.shadow or not self.replicas.min)


class Served(ServedModel):
    """A model that was found: its folder is known and was looked at."""

    folder: Path
    created: int = Field(description="Unix time at which it was deployed")
    version: str = Field(default="", description="the registry's, or digits of its weights' digest")


class ServeConfig(_Model):
    """An endpoint.

    ``door`` says where models run. ``shared``: a single model runs in the process that takes the
    requests, which is fastest. ``separate``: each model has its own replicas behind a door that asks
    another replica when one dies with requests in hand. ``auto`` is shared for a single model.
    ``keys`` is a file of ``embedworks serve keys``, or the list in it; with keys, a request needs one.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    door: Literal["auto", "shared", "separate"] = "auto"
    door_replicas: int = Field(default=1, ge=1, description="of a separate door")
    models: list[ServedModel] = Field(min_length=1)
    pools: list[Pool] = Field(default=[], description="replicas that several models share")
    keys: list[Key] = Field(default=[], description="who may ask; a file, or its content")
    limits: Limits = Field(default=Limits(), description="of one request")
    tasks: list[str] = Field(default=[], description="systems or modules whose TASKS are served too")
    follow: Follow | None = Field(default=None, description="of every model whose source is an alias")
    tracing: Tracing | None = Field(default=None, description="{endpoint, sample}: where traces go")
    logs: Logs | None = Field(default=None, description="json, or {sample, folder}: lines of requests")

    @field_validator("logs", mode="before")
    @classmethod
    def _written(cls, value: object) -> object:
        return {"format": value} if isinstance(value, str) else value

    @field_validator("follow", mode="before")
    @classmethod
    def _switched(cls, value: object) -> object:
        return ({} if value else None) if isinstance(value, bool) else value

    @field_validator("keys", mode="before")
    @classmethod
    def _read_keys(cls, value: object) -> object:
        return load_keys(Path(value).expanduser()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> ServeConfig:
        names = [model.name for model in self.models]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two models are named {twice[0]!r}")
        if self.door == "shared" and (len(names) > 1 or self.pools):
            raise ValueError("door: shared is for a single model without a pool; expected separate or auto")
        check_pools(self.pools, self.models)
        if self.follow and not self.followed:
            raise ValueError("follow needs a model whose source is an alias; expected models:/NAME@ALIAS")
        if self.door == "shared" and self.changes:
            what = "follow, canary, shadow and replicas.min=0"
            raise ValueError(f"{what} need replicas behind the door; expected door: separate or auto")
        return self

    @property
    def changes(self) -> bool:
        """Whether a model comes and goes behind the door."""
        return bool(self.followed) or any(model.changes for model in self.models)

    @property
    def followed(self) -> dict[str, Follow]:
        """The models that follow an alias, and how."""
        found = {}
        for model in self.models:
            follow = model.follow or (self.follow if is_alias(model.source) and not model.pool else None)
            if follow:
                found[model.name] = follow
        return found

    @property
    def is_shared(self) -> bool:
        """Whether the model runs in the door's own process."""
        alone = len(self.models) == 1 and not self.pools and not self.changes
        return self.door == "shared" or (self.door == "auto" and alone)

    def model(self, name: str) -> ServedModel:
        """The model of that name.

        Raises:
            InputError: naming the nearest one.
        """
        for model in self.models:
            if model.name == name:
                return model
        known = [model.name for model in self.models]
        raise InputError(f"no model {name!r} is served", expected=f"one of {known}", name=name, known=known)


def check_pools(pools: list[Pool], models: list[ServedModel]) -> None:
    """Models and pools belong together.

    Raises:
        ValueError: for a pool that is not there, is there twice, or has no model; for a model in a pool
            that asks for replicas of its own.
    """
    known = [pool.name for pool in pools]
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise ValueError(f"two pools are named {twice[0]!r}")
    for model in models:
        if model.pool is None:
            continue
        if model.pool not in known:
            close = nearest(model.pool, known)
            meant = f"; did you mean {close!r}?" if close else ""
            raise ValueError(f"no pool {model.pool!r}; expected one of {known}{meant}")
        own = [name for name in OF_A_POOL if getattr(model, name) != ServedModel.model_fields[name].default]
        if own:
            raise ValueError(f"model {model.name!r} has {own[0]}, which its pool {model.pool!r} decides")
    used = {model.pool for model in models}
    if empty := [name for name in known if name not in used]:
        raise ValueError(f"pool {empty[0]!r} has no model; expected `pool: {empty[0]}` in one of models")


def load_config(file: Path) -> ServeConfig:
    """Read a Serve configuration. Folders in it that start with a dot are relative to its own.

    Raises:
        InputError: naming the file, the key, what was expected and the nearest right name.
    """
    if not file.is_file():
        raise InputError(f"no Serve configuration at {str(file)!r}", expected="a YAML file")
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {' '.join(str(error).split())}", where=str(file)) from error
    if not isinstance(values, dict):
        raise InputError("a Serve configuration is a mapping", where=str(file), expected="models: [...]")
    if isinstance(values.get("keys"), str):
        values["keys"] = _beside(values["keys"], file)
    _put_beside(values.get("models"), file)
    config = parse_config(values, str(file))
    models = [model.model_copy(update={"source": _beside(model.source, file)}) for model in config.models]
    return config.model_copy(update={"models": models})


def parse_config(values: dict[str, Any], where: str) -> ServeConfig:
    """Validate a configuration; ``where`` is named in errors.

    Raises:
        InputError: for the first fault.
    """
    try:
        return ServeConfig.model_validate(values)
    except ValidationError as error:
        raise _explain(error, where) from None


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
    if look is None or not source.startswith(REGISTRY):
        return None
    found = look(source)
    return str(found) if found is not None else None


def serve_revision(model: ServedModel, revision: Revision) -> Served:
    """A model at one version."""
    found = {"source": revision.source, "folder": revision.folder, "created": revision.since}
    return Served(**model.model_dump() | found, version=revision.version)


def _resolve(source: str) -> Path:
    if source.startswith("models:/"):
        raise InputError(f"{source!r} needs a model registry", expected="a folder or a hub id here")
    return resolve_model(source)


def _put_beside(models: object, file: Path) -> None:
    """What models name beside their source: other versions, and pairs to check."""
    for model in models if isinstance(models, list) else ():
        for key, name in (("canary", "source"), ("shadow", "source"), ("checks", "pairs")):
            part = model.get(key) if isinstance(model, dict) else None
            if isinstance(part, dict) and isinstance(part.get(name), str):
                part[name] = _beside(part[name], file)


def _beside(source: str, file: Path) -> str:
    return str(file.parent / source) if source.startswith(("./", "../")) else source


def _explain(error: ValidationError, where: str) -> InputError:
    first = error.errors(include_url=False)[0]
    path = [str(step) for step in first["loc"]]
    key = ".".join(path) or "the file"
    if first["type"] != "extra_forbidden":
        return InputError(f"{key}: {first['msg'].removeprefix('Value error, ')}", where=where)
    known = _fields(path)
    return InputError(
        f"unknown key {key!r}", where=where, expected=", ".join(known), name=path[-1], known=known
    )


INNER: dict[str, type[BaseModel]] = {
    "replicas": Replicas,
    "canary": Variant,
    "shadow": Variant,
    "checks": Checks,
    "follow": Follow,
    "tracing": Tracing,
    "logs": Logs,
}


def _fields(path: list[str]) -> list[str]:
    for key, part in INNER.items():
        if key in path[:-1]:
            return list(part.model_fields)
    of: dict[str, type[BaseModel]] = {
        "models": ServedModel,
        "keys": Key,
        "limits": Limits,
        "pools": Pool,
    }
    return list((of.get(path[0], ServeConfig) if len(path) > 1 else ServeConfig).model_fields)
