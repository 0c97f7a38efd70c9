"""What a Serve configuration says: the models and indexes of an endpoint, and how each one runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from embedworks.errors import InputError, nearest
from embedworks.inference.backends.protocol import BackendName, ServingPrecision
from embedworks.registered import is_alias
from embedworks.serving.keys import Key, load_keys
from embedworks.serving.limits import Limits
from embedworks.serving.observing.settings import Logs, Tracing
from embedworks.serving.pages import is_page, read_report
from embedworks.serving.replicas import Number, Replicas
from embedworks.serving.searching.settings import ServedIndex
from embedworks.serving.variants import Checks, Follow, Variant


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_switch(value: object) -> object:
    return ({} if value else None) if isinstance(value, bool) else value


Switch = Annotated[Follow | None, BeforeValidator(_as_switch)]  # true is {}


class Pool(_Model):
    """Replicas that many small models share.

    A replica keeps as many of them in memory as ``models_in_memory`` says, and lets the one go that was not
    asked for the longest. Requests go to a replica that has their model, where one has.
    """

    name: str = Field(min_length=1)
    replicas: Number = Field(default=Replicas(), description="N, or {min, max, target_requests}")
    num_cpus: float = Field(default=1, gt=0, description="CPUs, and torch threads, a replica")
    num_gpus: float = Field(default=0, ge=0)
    models_in_memory: int = Field(default=3, ge=1, description="of a replica")


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
    replicas: Number = Field(default=Replicas(), description="N, or {min, max, target_requests}")
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
    follow: Switch = Field(default=None, description="true, or {every_s}: roll when the alias moves")
    canary: Variant | None = Field(default=None, description="another version for a share of the clients")
    shadow: Variant | None = Field(default=None, description="another version that gets copies of requests")
    checks: Checks | None = Field(default=None, description="what a version must pass to be served")

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
    ``report`` is the page that a report stage wrote of the models: file, folder, or the page itself.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    door: Literal["auto", "shared", "separate"] = "auto"
    door_replicas: int = Field(default=1, ge=1, description="of a separate door")
    models: list[ServedModel] = []
    indexes: list[ServedIndex] = Field(default=[], description="what can be searched")
    playground: bool = Field(default=True, description="serve the page to try the endpoint at /")
    report: str = Field(
        default="", repr=False, description="page of a report stage, or its folder: at /report"
    )
    pools: list[Pool] = Field(default=[], description="replicas that several models share")
    keys: list[Key] = Field(default=[], description="who may ask; a file, or its content")
    limits: Limits = Field(default=Limits(), description="of one request")
    tasks: list[str] = Field(default=[], description="systems or modules whose TASKS are served too")
    follow: Switch = Field(default=None, description="of every model whose source is an alias")
    tracing: Tracing | None = Field(default=None, description="{endpoint, sample}: where traces go")
    logs: Logs | None = Field(default=None, description="json, or {sample, folder}: lines of requests")

    @field_validator("logs", mode="before")
    @classmethod
    def _written(cls, value: object) -> object:
        return {"format": value} if isinstance(value, str) else value

    @field_validator("keys", mode="before")
    @classmethod
    def _read_keys(cls, value: object) -> object:
        return load_keys(Path(value).expanduser()) if isinstance(value, str) else value

    @field_validator("report")
    @classmethod
    def _read_report(cls, value: str) -> str:
        # Its content, for a door may be on a node that does not have the file.
        return read_report(Path(value).expanduser()) if value and not is_page(value) else value

    @model_validator(mode="after")
    def _consistent(self) -> ServeConfig:
        if not self.models and not self.indexes:
            raise ValueError("there is nothing to serve; expected models: [...] or indexes: [...]")
        for what, parts in (("models", self.models), ("indexes", self.indexes)):
            names = [part.name for part in parts]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two {what} are named {twice[0]!r}")
        if self.door == "shared" and not self._is_alone:
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
        return self.door == "shared" or (self.door == "auto" and self._is_alone and not self.changes)

    @property
    def _is_alone(self) -> bool:
        return len(self.models) == 1 and not self.pools and not self.indexes

    def model(self, name: str) -> ServedModel:
        """The model of that name.

        Raises:
            InputError: naming the nearest one.
        """
        return _named(name, self.models, "model")

    def index(self, name: str) -> ServedIndex:
        """The index of that name.

        Raises:
            InputError: naming the nearest one.
        """
        return _named(name, self.indexes, "index")


Part = TypeVar("Part", ServedModel, ServedIndex)


def _named(name: str, parts: Sequence[Part], what: str) -> Part:
    for part in parts:
        if part.name == name:
            return part
    known = [part.name for part in parts]
    expected = f"one of {known}" if known else f"a configuration with {what}es" if what == "index" else None
    raise InputError(f"no {what} {name!r} is served", expected=expected, name=name, known=known)


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
