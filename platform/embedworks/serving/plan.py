"""An endpoint as it is deployed: its configuration, the versions found, and the replicas that they need.

The plan is kept in the door's user configuration, which Serve's controller keeps: it lives as long as the
endpoint, is changed in one step, and is all that a change starts from.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import cloudpickle
from pydantic import BaseModel, ConfigDict

from embedworks.registered import is_alias, pinned
from embedworks.serving.config import Pool, ServeConfig, Served, ServedModel
from embedworks.serving.finding import Resolve, find_revision, serve_revision, version_of
from embedworks.serving.replicas import Replicas
from embedworks.serving.rollout import ROLES, VARIANTS, Revision, Role, Rollout
from embedworks.serving.searching.finding import find_indexes
from embedworks.serving.searching.settings import ServedIndex
from embedworks.serving.variants import Variant

PLAN = "plan"  # its key in the user configuration, beside those of a ServeConfig


class RoomSpec(BaseModel):
    """What one deployment of replicas runs: a model, the models of a pool, or an index."""

    model_config = ConfigDict(frozen=True)

    models: list[Served] = []
    pool: Pool | None = None
    index: ServedIndex | None = None

    @property
    def owner(self) -> Served | Pool | ServedIndex:
        """What says how many replicas there are, and how large."""
        return self.pool or self.index or self.models[0]


class Route(BaseModel):
    """Where the requests of one model go.

    Attributes:
        room: The deployment that answers.
        pooled: Whether it is a pool's.
        card: The model as ``/v1/models`` lists it, where asking its room would wake it.
        canary: The deployment that answers some clients, and the share of them.
        canary_version: The version that it runs.
        shadow: The deployment that gets copies, and the share of requests.
    """

    model_config = ConfigDict(frozen=True)

    room: str
    pooled: bool = False
    card: dict[str, Any] | None = None
    canary: tuple[str, float] | None = None
    canary_version: str | None = None
    shadow: tuple[str, float] | None = None


class Plan(BaseModel):
    """An endpoint whose versions were found.

    Attributes:
        config: What was asked for.
        rollouts: Model name to its versions.
        resolver: How whatever follows finds a folder: a :data:`Resolve`, pickled, as base64.
        rooms: Deployment name to what it runs. A deployment never changes what it runs: another version
            is another deployment, so that it can start, and be tried, while the old one answers.
        routes: Model name to where its requests go.
        index_routes: Index name to the deployment that answers.
    """

    model_config = ConfigDict(frozen=True)

    config: ServeConfig
    rollouts: Mapping[str, Rollout] = {}
    resolver: str | None = None
    rooms: Mapping[str, RoomSpec] = {}
    routes: Mapping[str, Route] = {}
    index_routes: Mapping[str, str] = {}

    def served(self) -> list[Served]:
        """The models at their current versions."""
        return [serve_revision(each, self.rollouts[each.name].current) for each in self.config.models]

    def variant(self, name: str, role: Role) -> Served | None:
        """A model's canary or shadow."""
        model, revision = self.config.model(name), self.rollouts[name].revision(role)
        part = part_of(model, role)
        if revision is None or part is None:
            return None
        replicas = Replicas(min=part.replicas, max=part.replicas)
        return serve_revision(model.model_copy(update={"replicas": replicas}), revision)

    def with_rollout(self, name: str, rollout: Rollout, model: ServedModel | None = None) -> Plan:
        """With another rollout of a model, and another configuration of it where one is given."""
        config = self.config
        if model is not None:
            models = [model if each.name == name else each for each in config.models]
            config = config.model_copy(update={"models": models})
        return self.model_copy(update={"config": config, "rollouts": {**self.rollouts, name: rollout}})

    def with_index(self, index: ServedIndex) -> Plan:
        """With another configuration of an index."""
        indexes = [index if each.name == index.name else each for each in self.config.indexes]
        return self.model_copy(update={"config": self.config.model_copy(update={"indexes": indexes})})

    def answers_for(self, spec: RoomSpec) -> str:
        """The deployment that answers for what a deployment runs; empty where there is none."""
        if spec.index:
            return self.index_routes.get(spec.index.name, "")
        route = self.routes.get(spec.models[0].name)
        return route.room if route else ""

    def resolve(self) -> Resolve | None:
        """What finds folders, as whoever deployed the endpoint handed it in."""
        found: Resolve | None = None
        if self.resolver:
            found = cloudpickle.loads(base64.b64decode(self.resolver))
        return found

    def dump(self) -> dict[str, Any]:
        """As JSON's values; :func:`load_plan` reads them."""
        values = self.config.model_dump(mode="json")
        return values | {PLAN: self.model_dump(mode="json", exclude={"config"})}


def load_plan(values: Mapping[str, Any]) -> Plan:
    """What :meth:`Plan.dump` wrote."""
    config = ServeConfig.model_validate({key: value for key, value in values.items() if key != PLAN})
    return Plan.model_validate({**values.get(PLAN, {}), "config": config})


def source_of(model: ServedModel, role: Role) -> str | None:
    """The source that a configuration names for a role."""
    part = part_of(model, role)
    return model.source if role == "model" else part.source if part else None


def part_of(model: ServedModel, role: Role) -> Variant | None:
    """What a configuration says of a canary or a shadow."""
    return {"canary": model.canary, "shadow": model.shadow}.get(role)


def followed(config: ServeConfig) -> list[tuple[str, Role, str]]:
    """Model, role and source of every alias that is followed."""
    found: list[tuple[str, Role, str]] = []
    for model in config.models:
        if model.name in config.followed or model.follow:
            sources = ((role, source_of(model, role)) for role in ROLES)
            found += [(model.name, role, source) for role, source in sources if source and is_alias(source)]
    return found


def find_plan(config: ServeConfig, resolve: Resolve | None, standing: Plan | None, at: int) -> Plan:
    """Find every version and every index that a configuration names.

    Args:
        config: What is asked for.
        resolve: Source to folder.
        standing: What is deployed now; a version that is there already is not looked for again.
        at: Unix time.

    Raises:
        InputError: for a model or an index that cannot be served.
    """
    config = config.model_copy(update={"indexes": find_indexes(config.indexes)})
    rollouts = {}
    for model in config.models:
        before = standing.rollouts.get(model.name) if standing else None
        rollouts[model.name] = _find(model, resolve, before, at)
    keeps = resolve is not None and (config.changes or config.indexes)
    resolver = base64.b64encode(cloudpickle.dumps(resolve)).decode() if keeps else None
    return Plan(config=config, rollouts=rollouts, resolver=resolver)


def _find(model: ServedModel, resolve: Resolve | None, before: Rollout | None, at: int) -> Rollout:
    found = {role: _revision(model, resolve, before, role) for role in ROLES}
    current = found["model"]
    assert current is not None
    rollout = before or Rollout(current=current.model_copy(update={"since": at}))
    if rollout.current.version != current.version:
        rollout = rollout.moved("model", current, at, "deployed")
    seen = {role: revision.version for role, revision in found.items() if revision}
    update: dict[str, Any] = {role: found[role] for role in VARIANTS}
    update |= {"current": current.model_copy(update={"since": rollout.current.since}), "seen": seen}
    return rollout.model_copy(update=update)


def _revision(
    model: ServedModel, resolve: Resolve | None, before: Rollout | None, role: Role
) -> Revision | None:
    source = source_of(model, role)
    if source is None:
        return None
    known = before.revision(role) if before else None
    version = version_of(source, resolve) if known else None
    # A registered version does not change, and fetching it again would put it in another folder.
    if known and version and known.source == pinned(source, version) and known.folder.is_dir():
        return known
    return find_revision(model, source, resolve)
