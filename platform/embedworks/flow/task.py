"""``POST /v1/tasks/dialog-flow``: dialogs to the graph of how they go, by the vectors of a served embedder.

Utterances are read as the embedders of dialog actions are trained: lower case, without punctuation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from embedworks.errors import InputError
from embedworks.flow.graph import (
    EDGE_THRESHOLD,
    END,
    NODE_THRESHOLD,
    START,
    EdgeWeight,
    FlowGraph,
    count_flow,
    happy_path,
    prune,
    prune_nodes,
)
from embedworks.flow.graphml import graphml
from embedworks.flow.steps import Step, Turn, find_steps
from embedworks.flow.texts import normalise_utterance
from embedworks.task import Answer, EmbeddingRequest, Sized, Task, Usage

MAX_UTTERANCES = 2048  # the time of clustering grows with the square, and the door waits for it
DEFAULT_DISTANCE = 0.6  # as in extract_trajectories.py of github.com/idiap/dialog2flow

Distance = Annotated[float, Meta(gt=0, le=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1, le=MAX_UTTERANCES)]


class Utterance(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A turn of a dialog."""

    speaker: Annotated[str, Meta(min_length=1, max_length=256)]
    text: Annotated[str, Meta(min_length=1)]


class FlowRequest(Sized, frozen=True, kw_only=True):
    """Dialogs of one domain. Speakers are clustered apart, by a distance or to a number of clusters."""

    dialogs: Annotated[list[Annotated[list[Utterance], Meta(min_length=1)]], Meta(min_length=1)]
    threshold: (
        Annotated[Distance, Meta(description="cosine distance at which clusters stay apart; default 0.6")]
        | None
    ) = None
    clusters: (
        Annotated[Count, Meta(description="of each speaker, instead of a threshold")]
        | dict[str, Count]
        | None
    ) = None
    edge_weight: EdgeWeight = "max-out"
    prune: bool = True
    node_threshold: Share = NODE_THRESHOLD
    edge_threshold: Share = EDGE_THRESHOLD
    graphml: Annotated[bool, Meta(description="also give the graph as a GraphML document")] = False


class FlowNode(msgspec.Struct, frozen=True, kw_only=True):
    """A step; ``name`` is its most typical utterance."""

    id: str
    speaker: str | None
    name: str
    count: int
    weight: float


class FlowEdge(msgspec.Struct, frozen=True, kw_only=True):
    """How often one step follows another, and its weight after pruning."""

    source: str
    target: str
    count: int
    weight: float


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The graph, and the dialogs as ``trajectories`` of node ids.

    The happy path is looked for before edges are pruned, and trajectories have nodes that were pruned as
    well, so that both may name what the graph has not.
    """

    object: Literal["flow"] = "flow"
    model: str
    nodes: list[FlowNode]
    edges: list[FlowEdge]
    happy_path: list[str]
    trajectories: list[list[str]]
    graphml: str | None = None
    usage: Usage


def ask(request: FlowRequest) -> list[EmbeddingRequest]:
    """All different utterances, in the order in which they are first said.

    Raises:
        InputError: for too many utterances, or a threshold and clusters that contradict each other or
            the speakers.
    """
    check_clusters(request)
    if sum(map(len, request.dialogs)) > MAX_UTTERANCES:
        raise InputError(f"more than {MAX_UTTERANCES} utterances; expected fewer dialogs", where="dialogs")
    texts = dict.fromkeys(turn.text for turn in turns_of(request))
    return [EmbeddingRequest(input=list(texts), **request.size())]


def check_clusters(request: FlowRequest) -> None:
    """Refuse clusters beside a threshold, and numbers that are not of all speakers and of them alone.

    Raises:
        InputError: naming the speaker.
    """
    given = request.clusters
    if request.threshold is not None and given is not None:
        raise InputError("a flow has either a threshold or clusters", where="clusters")
    if isinstance(given, dict):
        speakers = {turn.speaker: None for dialog in request.dialogs for turn in dialog}
        for name in given:
            if name not in speakers:
                raise InputError(f"{name!r} says nothing", where="clusters", name=name, known=speakers)
        for name in speakers:
            if name not in given:
                raise InputError(f"no number of clusters for {name!r}", where="clusters")


def answer(request: FlowRequest, answers: Sequence[Answer]) -> Flow:
    """Cluster, name, count and prune."""
    turns = turns_of(request)
    rows = {text: row for row, text in enumerate(dict.fromkeys(turn.text for turn in turns))}
    vectors_ND = answers[0].vectors[[rows[turn.text] for turn in turns]]
    has_limit = request.threshold is not None or request.clusters is not None
    threshold = request.threshold if has_limit else DEFAULT_DISTANCE
    keys, steps = find_steps(turns, vectors_ND, threshold=threshold, clusters=request.clusters)
    waiting = iter(keys)
    paths = [[next(waiting) for _ in dialog] for dialog in request.dialogs]
    graph, common = drawn(request, paths)
    said = spoken_names(request, turns, steps)
    return Flow(
        model=request.model,
        nodes=nodes_of(graph, said),
        edges=edges_of(graph),
        happy_path=happy_path(common, lambda key: steps[key].speaker),
        trajectories=[[START, *path, END] for path in paths],
        graphml=graphml(graph, said) if request.graphml else None,
        usage=Usage.of(answers),
    )


def drawn(request: FlowRequest, paths: Sequence[Sequence[str]]) -> tuple[FlowGraph, FlowGraph]:
    """The graph that is shown, and the one in which the happy path is looked for."""
    whole = count_flow(paths, request.edge_weight)
    if not request.prune:
        return whole, whole
    thresholds = {"node_threshold": request.node_threshold, "edge_threshold": request.edge_threshold}
    pruned = prune(whole, request.edge_weight, **thresholds)
    return pruned, prune_nodes(whole, request.node_threshold)


def turns_of(request: FlowRequest) -> list[Turn]:
    """All utterances as the embedder reads them."""
    return [
        Turn(turn.speaker, normalise_utterance(turn.text)) for dialog in request.dialogs for turn in dialog
    ]


def spoken_names(request: FlowRequest, turns: Sequence[Turn], steps: Mapping[str, Step]) -> dict[str, Step]:
    """The steps named by utterances as they were sent."""
    sent = [turn.text for dialog in request.dialogs for turn in dialog]
    spoken = dict(zip(reversed(turns), reversed(sent), strict=True))  # the first of equal ones stays
    return {
        key: Step(key, step.speaker, spoken[Turn(step.speaker, step.name)], step.size)
        for key, step in steps.items()
    }


def nodes_of(graph: FlowGraph, steps: Mapping[str, Step]) -> list[FlowNode]:
    """Start and end first, then steps in the order in which they first appear."""
    return [
        FlowNode(
            id=node,
            speaker=steps[node].speaker if node in steps else None,
            name=steps[node].name if node in steps else node,
            count=int(count),
            weight=graph.node_weights[node],
        )
        for node, count in graph.node_counts.items()
    ]


def edges_of(graph: FlowGraph) -> list[FlowEdge]:
    """In the order in which they first appear."""
    return [
        FlowEdge(source=source, target=target, count=int(count), weight=graph.edge_weights[source, target])
        for (source, target), count in graph.edge_counts.items()
    ]


DIALOG_FLOW: Task[FlowRequest] = Task(
    name="dialog-flow",
    request=FlowRequest,
    response=Flow,
    ask=ask,
    answer=answer,
    summary="The flow graph of dialogs: each speaker's steps, what follows them, the happy path",
    example={
        "model": "dialogs",
        "dialogs": [
            [
                {"speaker": "user", "text": "I need a table for two."},
                {"speaker": "system", "text": "At what time?"},
                {"speaker": "user", "text": "At seven, please."},
            ]
        ],
        "threshold": 0.6,
    },
)
