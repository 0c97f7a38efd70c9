"""The door of serving: deploy an endpoint on the connected Ray cluster, look at it, scale it, delete it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from embedworks.errors import InputError
from embedworks.serving.config import Replicas, Resolve, ServeConfig, find_models
from embedworks.serving.ports import check_exposure, check_port, running_address
from embedworks.serving.tasks import find_tasks

APPLICATION = "embedworks"


@dataclass(frozen=True)
class Endpoint:
    """A deployed endpoint.

    Attributes:
        url: Base URL for OpenAI clients, ending in ``/v1``.
        models: What requests may say in ``model``.
    """

    url: str
    models: tuple[str, ...]


@dataclass(frozen=True)
class Status:
    """How an endpoint is doing.

    Attributes:
        state: Serve's word for the application: ``RUNNING``, ``DEPLOYING``, ``UNHEALTHY``, ...
        url: Base URL for OpenAI clients; empty where nothing listens.
        message: What Serve says about it.
        deployments: Name to ``{state, replicas}``, replicas counted by their own state.
    """

    state: str
    url: str
    message: str
    deployments: dict[str, dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def deploy(config: ServeConfig, resolve: Resolve | None = None) -> Endpoint:
    """Deploy or update an endpoint and wait until every model answers.

    Ray must be connected. Models and port are checked first, so that bad input stops here and not in
    a replica that restarts for ever. An update starts new replicas before it stops old ones, and loses
    no request, except where ``door`` changes between shared and separate.

    Args:
        config: The endpoint.
        resolve: A model's source to its folder; the default knows folders and hub ids. The folder
            must be readable from every node that may hold a replica.

    Raises:
        InputError: for a model that cannot be served, a port that is taken, or an address that others
            can reach without keys.
        RuntimeError: where Serve could not start the replicas.
    """
    check_exposure(config.host, bool(config.keys))
    find_tasks(config.tasks)
    served = find_models(config, resolve)
    ours = running_address()
    check_port(config.host, config.port, ours)

    from ray import serve

    from embedworks.serving.application import build

    serve.start(
        proxy_location="EveryNode",
        http_options=None if ours else {"host": config.host, "port": config.port},
    )
    serve.run(build(config, served), name=APPLICATION, route_prefix="/")
    return Endpoint(_url(ours or (config.host, config.port)), tuple(model.name for model in config.models))


def scale(name: str, replicas: Replicas, resolve: Resolve | None = None) -> Endpoint:
    """Change how many replicas a model has; replicas that stay keep their model in memory.

    Raises:
        InputError: for an endpoint or a model that is not there.
    """
    config = deployed_config()
    config.model(name)
    models = [
        model.model_copy(update={"replicas": replicas}) if model.name == name else model
        for model in config.models
    ]
    return deploy(config.model_copy(update={"models": models}), resolve)


def deployed_config() -> ServeConfig:
    """The configuration of the endpoint that runs.

    Raises:
        InputError: if none does.
    """
    from ray import serve

    if APPLICATION not in serve.status().applications:
        raise InputError("no endpoint runs on this cluster", expected="`embedworks serve CONFIG` first")
    return ServeConfig.model_validate(ask_door("configuration"))


def ask_door(method: str, timeout_s: float = 30) -> Any:
    """Call a method of the endpoint's door that takes nothing, from outside of Serve."""
    from ray import serve

    handle = serve.get_app_handle(APPLICATION)
    if not handle.is_initialized:
        # Where Serve is tuned for throughput, a handle would use its caller's event loop: here is none.
        handle._init(_run_router_in_separate_loop=True)
    return getattr(handle, method).remote().result(timeout_s=timeout_s)


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
    return Status(str(application.status.value), url, application.message, deployments)


def delete() -> bool:
    """Delete the endpoint, and Serve with its port if nothing else runs on it.

    Returns:
        Whether there was an endpoint.
    """
    from ray import serve

    there = set(serve.status().applications)
    if APPLICATION in there:
        serve.delete(APPLICATION)
    if not there - {APPLICATION} and running_address():
        serve.shutdown()
    return APPLICATION in there


def _url(address: tuple[str, int]) -> str:
    host, port = address
    named = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    return f"http://[{named}]:{port}/v1" if ":" in named else f"http://{named}:{port}/v1"
