"""The door of serving: deploy an endpoint on the connected Ray cluster, look at it, scale it, delete it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from embedworks.serving import change
from embedworks.serving.change import Tell, standing_plan
from embedworks.serving.config import ServeConfig
from embedworks.serving.finding import Resolve
from embedworks.serving.metrics.reporting import end_ledger, recent_traffic
from embedworks.serving.observing.settings import check_tracing
from embedworks.serving.plan import find_plan
from embedworks.serving.ports import check_exposure, check_port, running_address
from embedworks.serving.replicas import Replicas
from embedworks.serving.rolling import APPLICATION
from embedworks.serving.searching.standing import describe_indexes
from embedworks.serving.standing import describe_versions
from embedworks.serving.tasks import find_tasks
from embedworks.serving.turn import turn


@dataclass(frozen=True)
class Endpoint:
    """A deployed endpoint.

    Attributes:
        url: Base URL for OpenAI clients, ending in ``/v1``.
        models: What requests may say in ``model``.
        indexes: What searches may say in ``index``.
        playground: Whether a page to try it is at ``/``.
        report: Whether one that compares models is at ``/report``.
    """

    url: str
    models: tuple[str, ...]
    indexes: tuple[str, ...] = ()
    playground: bool = False
    report: bool = False


@dataclass(frozen=True)
class Status:
    """How an endpoint is doing.

    Attributes:
        state: Serve's word for the application: ``RUNNING``, ``DEPLOYING``, ``UNHEALTHY``, ...
        url: Base URL for OpenAI clients; empty where nothing listens.
        message: What Serve says about it.
        deployments: Name to ``{state, replicas}``, replicas counted by their own state.
        models: Name to its versions: what answers since when, the last change and the last failure, how
            a canary or a shadow does, what is followed.
        traffic: Name to what it did over the last seconds, as
            :class:`embedworks.serving.metrics.traffic.Traffic` says it.
        indexes: Name to the version that answers, its rows, and why another one does not.
    """

    state: str
    url: str
    message: str
    deployments: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    traffic: dict[str, dict[str, Any]] = field(default_factory=dict)
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def deploy(config: ServeConfig, resolve: Resolve | None = None, tell: Tell | None = None) -> Endpoint:
    """Deploy or update an endpoint and wait until every model answers.

    Ray must be connected. Models and port are checked first, so that bad input stops here and not in
    a replica that restarts for ever. An update starts new replicas before it stops old ones, and loses
    no request, except where ``door`` changes between shared and separate.

    Args:
        config: The endpoint.
        resolve: A model's source to its folder; the default knows folders and hub ids. The folder
            must be readable from every node that may hold a replica. Where something is followed it is
            pickled, and has a method ``version(source)``: the version that an alias leads to now.
        tell: Is told where another change is waited for.

    Raises:
        InputError: for a model that cannot be served, a port that is taken, or an address that others
            can reach without keys.
        RollFailed: where the replicas did not come up; an endpoint that ran goes on as it was.
    """
    check_exposure(config.host, bool(config.keys))
    find_tasks(config.tasks)
    check_tracing(config.tracing)
    ours = running_address()
    check_port(config.host, config.port, ours)

    from ray import serve

    with turn(tell):
        standing = change.answering_plan() if ours else None
        plan = find_plan(config, resolve, standing, int(time.time()))
        serve.start(
            proxy_location="EveryNode",
            http_options=None if ours else {"host": config.host, "port": config.port},
        )
        change.make(plan, standing)
    return _endpoint(config)


def scale(name: str, replicas: Replicas, tell: Tell | None = None, *, index: bool = False) -> Endpoint:
    """Change how many replicas a model, or an index, has; replicas that stay keep what they have in memory.

    Raises:
        InputError: for an endpoint, a model or an index that is not there.
    """
    scaled = change.scale_index if index else change.scale
    return _endpoint(scaled(name, replicas, tell).config)


def promote(name: str, tell: Tell | None = None) -> Endpoint:
    """Make a model's canary the model, for everybody, without losing a request.

    Raises:
        InputError: for a model that is not there or has no canary.
    """
    return _endpoint(change.promote(name, tell).config)


def roll_back(name: str, tell: Tell | None = None) -> Endpoint:
    """Go back to the version that answered before, without losing a request.

    Raises:
        InputError: for a model that is not there or had no other version.
    """
    return _endpoint(change.roll_back(name, tell).config)


def deployed_config() -> ServeConfig:
    """The configuration of the endpoint that runs.

    Raises:
        InputError: if none does.
    """
    return standing_plan().config


def status() -> Status:
    """How the endpoint of the connected cluster is doing."""
    from ray import serve

    application = serve.status().applications.get(APPLICATION)
    if application is None:
        return Status("NOT_RUNNING", "", "", {})
    deployments = {
        name: {"state": str(each.status.value), "replicas": dict(each.replica_states)}
        for name, each in application.deployments.items()
    }
    address = running_address()
    url = _url(address) if address else ""
    state = str(application.status.value)
    about = (describe_versions(), recent_traffic(), describe_indexes())
    return Status(state, url, application.message, deployments, *about)


def delete() -> bool:
    """Delete the endpoint, and Serve with its port if nothing else runs on it.

    Returns:
        Whether there was an endpoint.
    """
    from ray import serve

    there = set(serve.status().applications)
    if APPLICATION in there:
        serve.delete(APPLICATION)
        end_ledger()
    if not there - {APPLICATION} and running_address():
        serve.shutdown()
    return APPLICATION in there


def _endpoint(config: ServeConfig) -> Endpoint:
    address = running_address() or (config.host, config.port)
    models, indexes = ([each.name for each in parts] for parts in (config.models, config.indexes))
    return Endpoint(_url(address), tuple(models), tuple(indexes), config.playground, bool(config.report))


def _url(address: tuple[str, int]) -> str:
    host, port = address
    named = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    return f"http://[{named}]:{port}/v1" if ":" in named else f"http://{named}:{port}/v1"
